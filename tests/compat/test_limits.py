"""One request too many, as the official SDKs tell of it."""

from collections.abc import Iterator

import pytest

from tests.compat.arrange import make_client
from tests.compat.sdk import RefusedError, Sdk, assert_platform_error
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
ALLOWED = 5


@pytest.fixture(scope="module")
def limited() -> Iterator[RunningServer]:
    environment = {"GRANTORY_LIMITS_REQUESTS_PER_CLIENT": str(ALLOWED)}
    with RunningServer(environment=environment) as running:
        yield running


def test_one_request_too_many(limited: RunningServer, process: Sdk) -> None:
    process.connect(limited.port)
    process.never_wait()
    client = make_client(limited)
    process.use_token(limited.token(client["id"], client["secret"]))
    counted = []

    def ask_too_often() -> None:
        for _ in range(2 * ALLOWED + 1):  # a minute may end between two of them
            headers = process.call("TokensApi", "get_tokens_me").headers
            counted.append(int(headers["inin-ratelimit-count"]))

    with pytest.raises(RefusedError) as raised:
        ask_too_often()

    assert counted[-ALLOWED:] == list(range(1, ALLOWED + 1))
    refused = raised.value
    assert_platform_error(refused, 429, "too.many.requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["inin-ratelimit-allowed"] == str(ALLOWED)
    assert refused.document["limit"]["namespace"] == "auth.api"
    assert refused.document["limit"]["value"] == ALLOWED
