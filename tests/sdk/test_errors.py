"""Errors: a class for each status, with all that the answer says, and nothing that is secret."""

import pickle

import pytest

from grantory_sdk import (
    ApiError,
    BadRequest,
    Conflict,
    ConnectionFailed,
    ErrorDetail,
    Forbidden,
    GatewayTimeout,
    Grantory,
    GrantoryError,
    NotFound,
    OutcomeUnknown,
    RequestTimeout,
    ServerError,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
    UnreadableAnswer,
    capture_answers,
)
from tests.support.scripted import URL, Hand, Scripted, Step, answer, refused

BODY = {
    "message": "name must not be empty.",
    "code": "invalid.value",
    "status": 400,
    "messageParams": {},
    "contextId": "from-the-body",
    "details": [{"errorCode": "invalid.value", "fieldName": "name", "new": 1}],
    "errors": [],
    "what.is.new": True,
}


def ask(*steps: Step, path: str = "/api/v2/tokens/me") -> object:
    server = Scripted(*steps)
    with Grantory(
        URL,
        access_token="very-secret",
        transport=server.transport,
        runtime=Hand().blocking,
        max_retries=0,
    ) as grantory:
        return grantory.request("GET", path).json()


def reading(server: Scripted) -> Grantory:
    return Grantory(URL, access_token="t", transport=server.transport)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ApiError),
        (400, BadRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (408, RequestTimeout),
        (409, Conflict),
        (415, ApiError),
        (429, TooManyRequests),
        (500, ServerError),
        (501, ServerError),
        (502, ServerError),
        (503, ServiceUnavailable),
        (504, GatewayTimeout),
    ],
)
def test_each_status_has_its_class(status: int, kind: type[ApiError]) -> None:
    with pytest.raises(ApiError) as caught:
        ask(refused(status, "some.code"))
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (status, "some.code")
    assert isinstance(caught.value, GrantoryError)


def test_an_error_has_what_the_answer_says() -> None:
    with pytest.raises(BadRequest) as caught:
        ask(answer(400, BODY, ININ_Correlation_Id="from-the-header"))
    error = caught.value
    assert error.message == "name must not be empty."
    assert error.details == (ErrorDetail(error_code="invalid.value", field_name="name"),)
    assert error.correlation_id == "from-the-header"
    assert '"what.is.new"' in error.body
    assert error.headers["inin-correlation-id"] == "from-the-header"
    text = "400 invalid.value: name must not be empty. (correlation id from-the-header)"
    assert str(error) == text
    with pytest.raises(BadRequest) as without:
        ask(answer(400, BODY))
    assert without.value.correlation_id == "from-the-body"


def test_an_error_goes_from_process_to_process() -> None:
    with pytest.raises(BadRequest) as caught:
        ask(answer(400, BODY, ININ_Correlation_Id="c"))
    other = pickle.loads(pickle.dumps(caught.value))
    assert type(other) is BadRequest
    assert (str(other), other.details) == (str(caught.value), caught.value.details)


def test_an_outcome_that_nobody_knows_has_a_class_of_its_own() -> None:
    with pytest.raises(OutcomeUnknown):
        ask(refused(503, "service.outcome.unknown"))


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"upstream is gone\nmore", "upstream is gone"),
        (b"<html>502</html>", "The answer to GET"),
        (b"", "The answer to GET"),
        (b'{"message": 7}', '{"message": 7}'),
        (b"\xff\xfe", "\ufffd"),
        (b"[]", "[]"),
    ],
)
def test_what_a_gateway_says_is_told(content: bytes, shown: str) -> None:
    step = answer(502)
    step = type(step)(502, content=content)
    with pytest.raises(ServerError) as caught:
        ask(step)
    assert caught.value.message.startswith(shown)
    assert caught.value.code == ""


@pytest.mark.parametrize("content", [b"<html>", b"", b"\xff", b'{"entities": [1]}', b"[1]"])
def test_an_answer_that_is_not_the_apis_is_told_as_such(content: bytes) -> None:
    step = type(answer())(200, content=content, headers={"ININ-Correlation-Id": "x"})
    server = Scripted(step)
    with reading(server) as grantory, pytest.raises(UnreadableAnswer) as caught:
        grantory.oauth_clients.list().first()
    assert (caught.value.status, caught.value.correlation_id) == (200, "x")


def test_no_text_of_an_error_has_the_token_in_it() -> None:
    for step in (refused(500), answer(200), type(answer())(401)):
        with pytest.raises(GrantoryError) as caught:
            ask(step)
        assert "very-secret" not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


def test_a_path_leads_nowhere_else() -> None:
    server = Scripted(answer(200, {}))
    with reading(server) as grantory:
        grantory.request("GET", "//other.example/api/v2")
        for path in ("", "api", "@other.example/", "/api\nv2", "/\x7f"):
            with pytest.raises(ValueError, match="slash"):
                grantory.request("GET", path)
    assert [request.url.host for request in server.requests] == ["grantory.test"]


@pytest.mark.parametrize("client_id", ["", " ", ".", ".."])
def test_an_id_that_is_none_is_not_sent(client_id: str) -> None:
    server = Scripted(answer(204))
    with reading(server) as grantory, pytest.raises(ValueError, match="no id"):
        grantory.oauth_clients.delete(client_id)
    assert not server.requests


@pytest.mark.parametrize("client_id", ["a/b", "a?b", "a#b", "../clients", "a b", "%2e%2e", "ä"])
def test_an_id_stays_one_part_of_the_path(client_id: str) -> None:
    server = Scripted(answer(204))
    with reading(server) as grantory:
        grantory.oauth_clients.delete(client_id)
    path = server.requests[0].url.raw_path.decode()
    assert path.startswith("/api/v2/oauth/clients/")
    assert path.count("/") == 5
    assert "?" not in path


def test_answers_are_there_for_whoever_wants_them_raw() -> None:
    server = Scripted(refused(500), answer(200, {"id": "1"}, ININ_Correlation_Id="c"))
    with Grantory(
        URL, access_token="very-secret", transport=server.transport, runtime=Hand().blocking
    ) as grantory:
        with capture_answers() as outer, capture_answers() as answers:
            grantory.oauth_clients.get("1")
        grantory.oauth_clients.get("2")
    assert [each.status for each in answers] == [500, 200]
    assert outer == answers
    assert answers[-1].json() == {"id": "1"}
    assert answers[-1].correlation_id == "c"
    assert answers[-1].headers["inin-correlation-id"] == "c"
    assert "very-secret" not in repr(answers)


def test_a_server_that_is_not_there_is_told_with_its_address() -> None:
    address = r"http://127\.0\.0\.1:1/api/v2/tokens/me"
    grantory = Grantory("http://127.0.0.1:1", access_token="t", max_retries=0)
    with grantory, pytest.raises(ConnectionFailed, match=address):
        grantory.tokens.me()
