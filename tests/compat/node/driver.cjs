// Drives the official JavaScript SDK, unmodified, under Node.js.
//
// Reads one JSON command a line from standard input and writes one JSON answer a line, as
// tests/compat/python_sdk/driver.py does for the Python SDK: the tests drive both alike.
'use strict';

const readline = require('node:readline');
const sdk = require('purecloud-platform-client-v2');

const client = sdk.ApiClient.instance;

// The method and path of every request that the command in hand has made the SDK send.
let sent = [];
client.getHttpClient().setPreHook((asked) => {
  sent.push([asked.method.toUpperCase(), new URL(asked.url).pathname]);
  return asked;
});

const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const argument = (item) => (item && item.$model ? item.fields : item);
const lowered = (headers) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

function answered(response) {
  return {
    status: response.status,
    headers: lowered(response.headers),
    body: response.body === '' ? '' : JSON.stringify(response.body),
    value: response.body === '' ? null : response.body,
  };
}

const commands = {
  connect({ gateway, name }) {
    // setEnvironment always builds https://api.NAME: else only a gateway reaches a local server.
    if (name) client.setEnvironment(name);
    else client.setGateway(gateway);
    client.setReturnExtendedResponses(true);
    return {};
  },

  async login({ client_id: id, client_secret: secret }) {
    const data = await client.loginClientCredentialsGrant(id, secret);
    return { token: data.accessToken, expires_at: data.tokenExpiryTime / 1000 };
  },

  // A login by the SDK's method of that name; it keeps the tokens.
  async login_by({ method, arguments: values }) {
    const data = await client[method](...values);
    return { token: data.accessToken, refresh_token: data.refreshToken ?? null };
  },

  set_token({ token }) {
    client.setAccessToken(token);
    return {};
  },

  // What a program gets that does not ask for extended responses.
  async call_plainly({ api, method, arguments: values }) {
    client.setReturnExtendedResponses(false);
    try {
      const value = await new sdk[api]()[camel(method)](...values.map(argument));
      return { value: value === undefined ? null : value, is_undefined: value === undefined };
    } catch (error) {
      return { rejected: error };
    } finally {
      client.setReturnExtendedResponses(true);
    }
  },

  async call({ api, method, arguments: values, options }) {
    const pairs = Object.entries(options).map(([name, item]) => [camel(name), argument(item)]);
    const named = Object.fromEntries(pairs);
    return answered(await new sdk[api]()[camel(method)](...values.map(argument), named));
  },

  // One call by the way that every operation of the SDK goes.
  async request({ method, path, path_parameters: inPath, query, body }) {
    const auth = ['PureCloud OAuth'];
    const json = ['application/json'];
    const data = argument(body);
    return answered(
      await client.callApi(path, method, inPath, query, {}, {}, data, auth, json, json),
    );
  },
};

function refusal(error) {
  // Calls reject with an extended response, the login with the error of the HTTP client.
  const response = error && error.response ? error.response : error;
  if (!response || typeof response.status !== 'number') {
    return { broken: String((error && error.stack) || error) };
  }
  const body = response.body === undefined ? response.data : response.body;
  return {
    refused: {
      status: response.status,
      reason: response.statusText,
      headers: lowered(response.headers),
      body: typeof body === 'string' ? body : JSON.stringify(body),
    },
  };
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: name, ...parameters } = JSON.parse(line);
    let answer;
    sent = [];
    try {
      answer = { done: await commands[name](parameters) };
    } catch (error) {
      answer = refusal(error);
    }
    process.stdout.write(`${JSON.stringify({ ...answer, sent })}\n`);
  }
}

main();
