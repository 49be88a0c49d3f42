"""The commands where the vendor's cloud refuses, fails or says nothing that can be read."""

import subprocess
from pathlib import Path

import pytest

from tests.support.cloud import Cloud
from tests.support.cloud_documents import MADE, OLD, SECRET
from tests.support.command import quick_command

CREATE = ("clients", "create", "m", "--grant", "CODE", "--hide-secret")
CLIENTS = "/api/v2/oauth/clients"
TOKEN = "/oauth/token"
GATEWAY = "<html><head><title>502 Bad Gateway</title></head></html>"
LIMITED = "Rate limit exceeded the maximum. Retry the request in [300] seconds"


class Caller:
    """The command line, as a client of it."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder

    def run(self, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {**self.cloud.environment, "HOME": str(self.folder)}
        done = quick_command(*arguments, environment=environment, folder=self.folder)
        assert done.returncode == status, (done.stdout, done.stderr)
        assert SECRET not in done.stdout + done.stderr
        return done

    def asked(self, path: str) -> int:
        return sum(each.path.partition("?")[0] == path for each in self.cloud.asked)


@pytest.fixture
def caller(cloud: Cloud, tmp_path: Path) -> Caller:
    return Caller(cloud, tmp_path)


def test_an_expired_token_is_renewed_once(caller: Caller) -> None:
    caller.cloud.refuse(f"{CLIENTS}*", 401, "bad.credentials", "Invalid login credentials.")
    assert MADE in caller.run(*CREATE).stdout
    assert (caller.asked(TOKEN), caller.asked(CLIENTS)) == (2, 2)


def test_a_new_token_that_is_refused_is_told(caller: Caller) -> None:
    expired = ("credentials.expired", "The credentials have expired.")
    caller.cloud.refuse(f"{CLIENTS}*", 401, *expired, times=9)
    for given in (("clients", "list"), CREATE):
        asked = caller.asked(TOKEN), caller.asked(CLIENTS)
        assert "401 credentials.expired" in caller.run(*given, status=4).stderr
        assert (caller.asked(TOKEN) - asked[0], caller.asked(CLIENTS) - asked[1]) == (2, 2)
    assert not [each for each in caller.cloud.clients if each == MADE]


def test_credentials_that_are_wrong_are_told(caller: Caller) -> None:
    text = '{"error": "invalid_client", "description": "authentication failed", ' \
           '"error_description": "authentication failed"}'  # fmt: skip
    caller.cloud.refuse(TOKEN, 401, text=text)
    told = caller.run("users", "list", status=4).stderr
    assert told.startswith("grantory: 401 invalid_client: authentication failed")
    assert "is it the right server?" in told
    assert [each.path for each in caller.cloud.asked] == [TOKEN]


@pytest.mark.parametrize("given", [("clients", "list"), CREATE], ids=["read", "change"])
def test_what_is_too_much_is_tried_again_when_the_server_says(
    given: tuple[str, ...], caller: Caller
) -> None:
    refused = ("too.many.requests", "Rate limit exceeded the maximum.")
    caller.cloud.refuse(CLIENTS, 429, *refused, Retry_After="0")
    caller.run(*given)
    assert caller.asked(CLIENTS) == 2
    assert len(caller.cloud.clients) == (4 if given is CREATE else 3)


@pytest.mark.parametrize("given", [("clients", "list"), CREATE], ids=["read", "change"])
def test_who_is_to_wait_for_minutes_is_told(given: tuple[str, ...], caller: Caller) -> None:
    caller.cloud.refuse(CLIENTS, 429, "too.many.requests", LIMITED, Retry_After="300")
    told = caller.run(*given, status=5).stderr
    assert told.startswith(f"grantory: 429 too.many.requests: {LIMITED}")
    assert caller.asked(CLIENTS) == 1
    assert len(caller.cloud.clients) == 3


@pytest.mark.parametrize(
    "given",
    [
        *(("clients", "show"), ("roles", "show"), ("divisions", "show"), ("users", "show")),
        *(("authorizations", "show"), ("roles", "grants"), ("clients", "disable")),
        *(("users", "update", "--title", "t"), ("roles", "update", "--name", "n")),
        *(("clients", "delete", "--yes"), ("users", "delete", "--yes")),
        ("token", "revoke", "--yes", "--user"),
    ],
    ids=" ".join,
)
def test_what_is_not_there_has_a_status_of_its_own(given: tuple[str, ...], caller: Caller) -> None:
    told = caller.run(*given, MADE, status=3)
    assert told.stderr.startswith("grantory: 404 not.found: Unable to find a ")
    assert told.stdout == ""


def test_a_read_is_tried_thrice(caller: Caller) -> None:
    failed = ("internal.server.error", "The server encountered an unexpected condition.")
    caller.cloud.refuse(CLIENTS, 500, *failed, Retry_After="0")
    caller.cloud.refuse(CLIENTS, 502, text=GATEWAY, Retry_After="0")
    assert MADE not in caller.run("clients", "list").stdout
    caller.cloud.refuse(CLIENTS, 502, text=GATEWAY, times=3, Retry_After="0")
    told = caller.run("clients", "list", status=5).stderr
    assert "502: The answer to GET" in told
    assert "<html>" not in told
    assert caller.asked(CLIENTS) == 6


@pytest.mark.parametrize(
    ("status", "code"),
    [
        *((500, "internal.server.error"), (502, ""), (503, "service.unavailable")),
        *((504, "request.timeout"), (408, "request.timeout"), (503, ""), (200, "")),
    ],
)
def test_whether_a_change_was_made_is_not_claimed(status: int, code: str, caller: Caller) -> None:
    text = "" if code else GATEWAY
    caller.cloud.refuse(CLIENTS, status, code, "It failed.", text=text)
    caller.cloud.refuse(f"{CLIENTS}/{OLD}", status, code, "It failed.", text=text)
    for given in (CREATE, ("clients", "delete", OLD, "--yes")):
        made = caller.run(*given, status=0 if given is not CREATE and status == 200 else 6)
        if made.returncode:
            assert "It is not known whether the change was made: look before" in made.stderr
    assert len(caller.cloud.changes()) == 2


def test_a_change_that_was_not_begun_may_be_made_later(caller: Caller) -> None:
    refused = ("service.unavailable", "The service is overloaded.")
    caller.cloud.refuse(CLIENTS, 503, *refused, times=2, Retry_After="0")
    assert MADE in caller.run(*CREATE).stdout
    caller.cloud.refuse(CLIENTS, 503, *refused, times=3, Retry_After="0")
    told = caller.run(*CREATE, status=5).stderr
    assert "not known" not in told
    assert (caller.asked(CLIENTS), len(caller.cloud.clients)) == (6, 4)
