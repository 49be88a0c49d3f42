package grantory;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.mypurecloud.sdk.v2.ApiClient;
import com.mypurecloud.sdk.v2.ApiException;
import com.mypurecloud.sdk.v2.ApiRequest;
import com.mypurecloud.sdk.v2.ApiResponse;
import com.mypurecloud.sdk.v2.extensions.AuthResponse;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Drives the official Java SDK, unmodified.
 *
 * <p>Reads one JSON command a line from standard input and writes one JSON answer a line, as
 * tests/compat/python_sdk/driver.py does for the Python SDK: the tests drive all alike.
 */
public final class Driver {
  private static final String APIS = "com.mypurecloud.sdk.v2.api.";
  private static final ObjectMapper JSON = new ObjectMapper();
  private final List<List<String>> sent = Collections.synchronizedList(new ArrayList<>());
  private ApiClient client;

  /** Answers commands until standard input ends. */
  public static void main(String[] arguments) throws Exception {
    PrintStream answers = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(System.err); // the answers have standard output for themselves
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Driver driver = new Driver();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      driver.sent.clear();
      ObjectNode answer = driver.answer(JSON.readTree(line));
      answer.set("sent", JSON.valueToTree(driver.sent));
      answers.println(JSON.writeValueAsString(answer));
    }
    System.exit(0); // the SDK's threads would keep the program alive
  }

  private ObjectNode answer(JsonNode command) {
    try {
      switch (command.get("do").asText()) {
        case "connect":
          client = connect(command.get("host").asText());
          return done(JSON.createObjectNode());
        case "login":
          return done(JSON.valueToTree(logIn(client, command)));
        case "login_many":
          return done(logInOften(command));
        case "set_token":
          // An empty token would be sent as an empty Bearer.
          String token = command.get("token").asText();
          client.setAccessToken(token.isEmpty() ? null : token);
          return done(JSON.createObjectNode());
        case "call":
          return call(command);
        default:
          throw new IllegalArgumentException(command.toString());
      }
    } catch (ApiException exception) {
      return refused(exception);
    } catch (Throwable exception) {
      return broken(exception);
    }
  }

  private ApiClient connect(String basePath) {
    return ApiClient.Builder.standard()
        .withBasePath(basePath)
        .withShouldRefreshAccessToken(false) // only tokens of the grant CODE can be refreshed
        .withHttpRequestInterceptor(
            (request, context) -> {
              URI uri = URI.create(request.getRequestLine().getUri());
              sent.add(List.of(request.getRequestLine().getMethod(), uri.getPath()));
            })
        .build();
  }

  private static Map<String, Object> logIn(ApiClient client, JsonNode command)
      throws IOException, ApiException {
    AuthResponse answer =
        client
            .authorizeClientCredentials(
                command.get("client_id").asText(), command.get("client_secret").asText())
            .getBody();
    return Map.of("token", answer.getAccess_token(), "expires_in", answer.getExpires_in());
  }

  private ObjectNode logInOften(JsonNode command) throws Exception {
    int count = command.get("count").asInt();
    ExecutorService threads = Executors.newFixedThreadPool(count);
    List<Future<Map<String, Object>>> answers = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      ApiClient one = ApiClient.Builder.from(client).build();
      answers.add(threads.submit(() -> logIn(one, command)));
    }
    ObjectNode found = JSON.createObjectNode();
    for (Future<Map<String, Object>> answer : answers) {
      found.withArray("tokens").add((String) answer.get().get("token"));
    }
    threads.shutdown();
    return found;
  }

  private ObjectNode call(JsonNode command) throws Exception {
    String operation = command.get("method").asText();
    Object request = build(operation, command.get("arguments"), command.get("options"));
    Class<?> kind = Class.forName(APIS + command.get("api").asText());
    Object api = kind.getConstructor(ApiClient.class).newInstance(client);
    Method method = kind.getMethod(camel(operation), ApiRequest.class);
    Object asked = request.getClass().getMethod("withHttpInfo").invoke(request);
    ApiResponse<?> response = (ApiResponse<?>) method.invoke(api, asked);
    if (response instanceof ApiException) {
      ApiException exception = (ApiException) response;
      return exception.getStatusCode() < 0 ? broken(exception) : refused(exception);
    }
    ObjectNode said = describe(response);
    ObjectMapper mapper = client.getObjectMapper();
    said.set("value", JSON.readTree(mapper.writeValueAsString(response.getBody())));
    return done(said);
  }

  /** The SDK's request object: required parameters by their place, others by their name. */
  private Object build(String operation, JsonNode required, JsonNode options) throws Exception {
    Class<?> kind = Class.forName(APIS + "request." + pascal(operation) + "Request");
    Method start = find(kind, "builder", required.size());
    Object[] values = new Object[required.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = read(required.get(i), start.getGenericParameterTypes()[i]);
    }
    Object builder = start.invoke(null, values);
    for (Map.Entry<String, JsonNode> option : options.properties()) {
      Method setter = find(builder.getClass(), "with" + pascal(option.getKey()), 1);
      setter.invoke(builder, read(option.getValue(), setter.getGenericParameterTypes()[0]));
    }
    return builder.getClass().getMethod("build").invoke(builder);
  }

  private Object read(JsonNode value, Type type) throws IOException {
    ObjectMapper mapper = client.getObjectMapper();
    JsonNode plain = value.has("$model") ? value.get("fields") : value;
    return mapper.readValue(plain.toString(), mapper.constructType(type));
  }

  private static Method find(Class<?> kind, String name, int count) {
    for (Method method : kind.getMethods()) {
      boolean fits = method.getName().equals(name) && method.getParameterCount() == count;
      // Setters of enums stand beside those of their texts.
      if (fits && (count == 0 || !method.getParameterTypes()[0].isEnum())) {
        return method;
      }
    }
    throw new IllegalArgumentException(kind + "." + name + " of " + count);
  }

  private static ObjectNode refused(ApiException exception) {
    ObjectNode said = describe(exception);
    said.put("reason", exception.getMessage());
    return JSON.createObjectNode().set("refused", said);
  }

  private static ObjectNode describe(ApiResponse<?> response) {
    ObjectNode said = JSON.createObjectNode().put("status", response.getStatusCode());
    ObjectNode headers = said.putObject("headers");
    response.getHeaders().forEach((name, value) -> headers.put(name.toLowerCase(), value));
    // The SDK looks this header up in one spelling only.
    headers.put("inin-correlation-id", response.getCorrelationId());
    return said.put("body", response.getRawBody() == null ? "" : response.getRawBody());
  }

  private static ObjectNode done(JsonNode value) {
    return JSON.createObjectNode().set("done", value);
  }

  private static ObjectNode broken(Throwable exception) {
    StringWriter text = new StringWriter();
    exception.printStackTrace(new PrintWriter(text));
    return JSON.createObjectNode().put("broken", text.toString());
  }

  private static String camel(String name) {
    return name.substring(0, 1) + pascal(name).substring(1);
  }

  private static String pascal(String name) {
    StringBuilder made = new StringBuilder();
    for (String word : name.split("_")) {
      made.append(word.substring(0, 1).toUpperCase()).append(word.substring(1));
    }
    return made.toString();
  }
}
