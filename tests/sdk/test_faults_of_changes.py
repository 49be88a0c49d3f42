"""Changes on a real server that fails: none is made twice, and none is given up without need."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from grantory.testing import GrantoryServer
from grantory.testing.messages import SeenRequest
from grantory_sdk import (
    ApiError,
    ConnectionFailed,
    GrantoryError,
    OutcomeUnknown,
    ServiceUnavailable,
    TimedOut,
    TooManyRequests,
)
from grantory_sdk.models.changes import Change
from tests.support.halves import Half, Sdk, Seen, done, opened
from tests.support.scripted import Hand

CLIENTS = "/api/v2/oauth/clients"
CHANGE_LISTS = "/api/v2/grantory/changes"
NOT_DONE = "service.unavailable"
UNKNOWN = "service.outcome.unknown"
Fault = tuple[str, dict[str, Any]]
NOTHING_DONE: dict[str, Fault] = {
    "429": ("limit", {"retry_after": None}),
    "429, in 2 s": ("limit", {"retry_after": 2}),
    "503 that says so": ("fail", {"status": 503, "code": NOT_DONE, "retry_after": 2}),
}
UNCLEAR: dict[str, Fault] = {
    "dropped before": ("drop", {"when": "before"}),
    "dropped midway": ("drop", {"when": "midway"}),
    "dropped after": ("drop", {"when": "after"}),
    "408": ("fail", {"status": 408}),
    **{str(status): ("fail", {"status": status}) for status in (500, 501, 502, 504, 505)},
    "500, in 2 s": ("fail", {"status": 500, "retry_after": 2}),
    "502, in 2 s": ("fail", {"status": 502, "code": NOT_DONE, "retry_after": 2}),
    "504, in 2 s": ("fail", {"status": 504, "code": NOT_DONE, "retry_after": 2}),
    "503 without a time": ("fail", {"status": 503, "code": NOT_DONE}),
    "503 of a gateway": ("fail", {"status": 503, "code": "no.healthy.upstream", "retry_after": 2}),
    "503, nobody knows": ("fail", {"status": 503, "code": UNKNOWN}),
    "503, nobody knows, in 2 s": ("fail", {"status": 503, "code": UNKNOWN, "retry_after": 2}),
}
MADE = {"dropped midway", "dropped after"}
"""After these what was asked for has been done."""


def add(
    server: GrantoryServer,
    fault: Fault,
    method: str,
    times: int | None = 1,
    path: str = f"{CLIENTS}*",
) -> None:
    name, options = fault
    getattr(server.faults, name)(**options, method=method, path=path, times=times)


def create(sdk: Sdk, name: str) -> Any:
    return sdk.oauth_clients.create(name=name, authorized_grant_type="CODE")


def named(server: GrantoryServer) -> list[str]:
    return [each["name"] for each in server.call("GET", f"{CLIENTS}?pageSize=500")["entities"]]


async def test_a_create_is_sent_once_where_it_may_have_been_done(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen, hand, sent = Seen(grantory_server), Hand(), {}
    async with opened(half, grantory_server, hand) as sdk:
        for name, fault in UNCLEAR.items():
            add(grantory_server, fault, "POST")
            with pytest.raises(GrantoryError) as caught:
                await done(create(sdk, name))
            assert isinstance(caught.value, OutcomeUnknown) == ("nobody knows" in name)
            assert isinstance(caught.value, ConnectionFailed) == name.startswith("dropped")
            sent[name] = len(seen.requests(CLIENTS))
    assert sent == dict.fromkeys(UNCLEAR, 1)
    assert sorted(named(grantory_server)) == sorted(["First client", *MADE])
    assert not hand.slept


async def test_a_create_whose_answer_is_late_is_sent_once(
    half: Half, grantory_server: GrantoryServer
) -> None:
    async with opened(half, grantory_server, Hand()) as sdk:
        await done(sdk.access_token())
        grantory_server.faults.delay(500, method="POST", times=None)
        with pytest.raises(TimedOut):
            await done(create(sdk.with_options(timeout=1), "late"))
        deadline = time.monotonic() + 60
        while "late" not in named(grantory_server):  # the server may be slower than the SDK's wait
            assert time.monotonic() < deadline
    assert named(grantory_server).count("late") == 1
    assert len(posts(grantory_server)) == 1


async def test_a_create_is_sent_again_where_nothing_was_done(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen, hand, sent = Seen(grantory_server), Hand(), {}
    async with opened(half, grantory_server, hand) as sdk:
        for name, fault in NOTHING_DONE.items():
            add(grantory_server, fault, "POST", times=2)
            assert (await done(create(sdk, name))).secret
            sent[name] = len(seen.requests(CLIENTS))
    assert sent == dict.fromkeys(NOTHING_DONE, 3)
    assert sorted(named(grantory_server)) == sorted(["First client", *NOTHING_DONE])
    assert hand.slept == [0.5, 1, 2, 2, 2, 2]


async def test_a_create_is_given_up_and_was_not_made(
    half: Half, grantory_server: GrantoryServer
) -> None:
    for fault, kind in (("429", TooManyRequests), ("503 that says so", ServiceUnavailable)):
        grantory_server.faults.clear()
        add(grantory_server, NOTHING_DONE[fault], "POST", times=None)
        seen = Seen(grantory_server)
        async with opened(half, grantory_server, Hand()) as sdk:
            with pytest.raises(kind):
                await done(create(sdk, "never"))
        assert len(seen.requests(CLIENTS)) == 3
    assert named(grantory_server) == ["First client"]


async def test_a_second_try_that_is_unclear_is_the_last_one(
    half: Half, grantory_server: GrantoryServer
) -> None:
    add(grantory_server, NOTHING_DONE["429"], "POST")
    add(grantory_server, UNCLEAR["dropped after"], "POST")
    async with opened(half, grantory_server, Hand(), max_retries=9) as sdk:
        with pytest.raises(ConnectionFailed):
            await done(create(sdk, "one"))
    assert len(posts(grantory_server)) == 2
    assert named(grantory_server).count("one") == 1


async def replace(sdk: Sdk, client_id: str) -> None:
    await done(sdk.oauth_clients.replace(client_id, name="changed", authorized_grant_type="CODE"))


async def delete(sdk: Sdk, client_id: str) -> None:
    await done(sdk.oauth_clients.delete(client_id))


async def renew(sdk: Sdk, client_id: str) -> None:
    await done(sdk.oauth_clients.regenerate_secret(client_id))


async def update(sdk: Sdk, client_id: str) -> None:
    await done(sdk.oauth_clients.update(client_id, description="changed"))


CHANGES: dict[str, tuple[str, Callable[..., Any]]] = {
    "replace": ("PUT", replace),
    "update": ("PUT", update),
    "delete": ("DELETE", delete),
    "renew": ("POST", renew),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_every_other_change_is_as_careful(
    half: Half, change: str, grantory_server: GrantoryServer
) -> None:
    """PUT and DELETE, too: README.md of the SDK says why."""
    method, call = CHANGES[change]
    faults = dict(UNCLEAR)
    if change == "delete":  # whose answer has no body that could break off
        del faults["dropped midway"]
    seen, unclear, clear = Seen(grantory_server), {}, {}
    async with opened(half, grantory_server, Hand()) as sdk:
        for name, fault in faults.items():
            made = grantory_server.make_client(grant_type="CODE")
            add(grantory_server, fault, method)
            with pytest.raises(GrantoryError):
                await call(sdk, made.id)
            unclear[name] = len(seen.requests(CLIENTS, method))
        for name, fault in NOTHING_DONE.items():
            made = grantory_server.make_client(grant_type="CODE")
            add(grantory_server, fault, method, times=2)
            await call(sdk, made.id)
            clear[name] = len(seen.requests(CLIENTS, method))
    assert unclear == dict.fromkeys(faults, 1)
    assert clear == dict.fromkeys(NOTHING_DONE, 3)


async def test_a_delete_whose_answer_is_lost_is_not_told_as_a_client_that_was_not_there(
    half: Half, grantory_server: GrantoryServer
) -> None:
    made = grantory_server.make_client(grant_type="CODE")
    add(grantory_server, UNCLEAR["dropped after"], "DELETE")
    async with opened(half, grantory_server, Hand()) as sdk:
        with pytest.raises(ConnectionFailed):
            await delete(sdk, made.id)
        with pytest.raises(ApiError) as caught:
            await done(sdk.oauth_clients.get(made.id))
    assert caught.value.status == 404


async def test_a_list_of_changes_is_made_once(half: Half, grantory_server: GrantoryServer) -> None:
    seen, hand, sent = Seen(grantory_server), Hand(), {}
    async with opened(half, grantory_server, hand) as sdk:
        for faults, times in ((UNCLEAR, 1), (NOTHING_DONE, 2)):
            for name, fault in faults.items():
                add(grantory_server, fault, "POST", times, CHANGE_LISTS)
                body = {"name": name, "authorizedGrantType": "CODE"}
                change = Change(operation="postOauthClients", body=body)
                try:
                    await done(sdk.changes.apply([change]))
                except GrantoryError:
                    assert faults is UNCLEAR
                sent[name] = len(seen.requests(CHANGE_LISTS))
    assert sent == {**dict.fromkeys(UNCLEAR, 1), **dict.fromkeys(NOTHING_DONE, 3)}
    assert sorted(named(grantory_server)) == sorted(["First client", *MADE, *NOTHING_DONE])


def posts(server: GrantoryServer) -> list[SeenRequest]:
    return [each for each in server.requests() if (each.method, each.path) == ("POST", CLIENTS)]
