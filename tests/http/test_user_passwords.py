"""Passwords of users: what may be set, by whom, and what ends with the old one."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from grantory.crypto import passwords
from grantory.ports.storage import Transaction
from tests.http.test_users import events
from tests.support.people import (
    GOOD_PASSWORD,
    USERS,
    Person,
    digest_of,
    knows,
    make_person,
    make_user,
    set_password,
)
from tests.support.subjects import done, refused
from tests.support.world import World, new_world

OTHER_PASSWORD = "eleven slow otters dive"
MINE = f"{USERS}/me/password"


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[World]:
    """For what has nothing to do with the store."""
    async with new_world(tmp_path / "data") as made:
        yield made


def both(old: str, new: str) -> dict[str, str]:
    return {"oldPassword": old, "newPassword": new}


async def test_a_user_can_be_made_with_a_password(world: World) -> None:
    user = await make_user(world.admin, password=GOOD_PASSWORD)
    assert await knows(world, user["id"], GOOD_PASSWORD)
    assert not await knows(world, user["id"], OTHER_PASSWORD)
    without = await make_user(world.admin)
    assert await digest_of(world, without["id"]) is None
    (event,) = await events(world, user["id"])
    assert [c.new_values for c in event.changes if c.property == "password"] == [["set"]]


async def test_a_password_that_is_set_ends_the_users_tokens_and_is_not_told(world: World) -> None:
    person = await make_person(world.admin)
    await person.log_in()
    done(await set_password(world.admin, person.user_id, GOOD_PASSWORD))
    refused(await person.call("GET", f"{USERS}/me"), 401, "bad.credentials")
    assert await knows(world, person.user_id, GOOD_PASSWORD)
    await person.log_in()
    assert (await person.me())["version"] == 2
    event = (await events(world, person.user_id))[-1]
    assert (event.action, event.entity_type, event.origin.actor.id) == (
        "Update",
        "User",
        world.admin.client_id,
    )
    told = [(change.property, change.old_values, change.new_values) for change in event.changes]
    assert told == [("password", [], ["set"])]
    for table in ("audit_events", "users", "changes"):
        assert GOOD_PASSWORD not in str(await world.rows(f"SELECT * FROM {table}"))
    await asyncio.sleep(0)
    assert GOOD_PASSWORD not in world.log.getvalue()


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "",
        "x" * 8,
        "qwertyuiop",
        "12345678",
        "Ann of York 1!",
        "ann@example.com",
        "Example2024",
        "grantory!!",
        "long enough " * 11,
        "x" * 2000,
    ],
)
async def test_a_bad_password_is_refused_wherever_it_is_set_and_never_told_back(
    sqlite: World, password: str
) -> None:
    body = {"name": "Ann of York", "email": "ann@example.com"}
    answer = await sqlite.admin.call("POST", USERS, {**body, "password": password})
    told = refused(answer, 400, "invalid.value", "password")
    assert len(password) < 6 or password not in told
    user = await sqlite.admin.post(USERS, {**body, "password": GOOD_PASSWORD})
    answer = await set_password(sqlite.admin, user["id"], password)
    refused(answer, 400, "invalid.value", "newPassword")
    person = Person(sqlite, await code_client(sqlite), user["id"], user["email"])
    answer = await person.call("POST", MINE, both(GOOD_PASSWORD, password))
    refused(answer, 400, "invalid.value", "newPassword")
    assert await knows(sqlite, user["id"], GOOD_PASSWORD)
    assert (await person.me())["version"] == 1


async def code_client(world: World) -> str:
    body = {"name": "app", "authorizedGrantType": "CODE"}
    return str((await world.admin.post("/api/v2/oauth/clients", body))["id"])


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"newPassword": null}',
        b'{"newPassword": 12345678}',
        b'{"newPassword": ["quiet harbor seven kites"]}',
        b'{"newPassword": "\\ud800 quiet harbor"}',
        b'{"newPassword": "quiet \xff harbor"}',
        b"null",
    ],
)
async def test_what_is_no_text_is_no_password(sqlite: World, content: bytes) -> None:
    user = await make_user(sqlite.admin)
    headers = {"content-type": "application/json"}
    answer = await sqlite.admin.call(
        "POST", f"{USERS}/{user['id']}/password", content=content, headers=headers
    )
    assert answer.status_code == 400
    assert await digest_of(sqlite, user["id"]) is None


@pytest.mark.parametrize(
    "password", ["  spaces at both ends  ", "пароль\x00 нулём", "e\u0301" * 4 + "abcd"]
)
async def test_any_character_may_be_in_a_password(world: World, password: str) -> None:
    user = await make_user(world.admin)
    done(await set_password(world.admin, user["id"], password))
    assert await knows(world, user["id"], password)
    assert await knows(world, user["id"], password.replace("e\u0301", "\u00e9"))
    assert not await knows(world, user["id"], password.strip(" \x00") + "!")


async def test_the_least_length_is_a_setting(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", passwords_min_length=20) as world:
        user = await make_user(world.admin)
        answer = await set_password(world.admin, user["id"], "quiet harbor seven")
        assert "20" in refused(answer, 400, "invalid.value", "newPassword")
        done(await set_password(world.admin, user["id"], "quiet harbor seven kites"))


async def test_a_user_changes_their_own_password_knowing_the_old_one(world: World) -> None:
    person = await make_person(world.admin, password=GOOD_PASSWORD)
    old_token = await person.log_in()
    answer = await person.call("POST", MINE, both(OTHER_PASSWORD, OTHER_PASSWORD))
    refused(answer, 400, "invalid.value", "oldPassword")
    assert (await person.me())["version"] == 1

    done(await person.call("POST", MINE, both(GOOD_PASSWORD, OTHER_PASSWORD)))

    refused(await person.call("GET", f"{USERS}/me"), 401, "bad.credentials")
    assert await knows(world, person.user_id, OTHER_PASSWORD)
    assert not await knows(world, person.user_id, GOOD_PASSWORD)
    await person.log_in()
    assert person.token != old_token
    answer = await person.call("POST", MINE, both(GOOD_PASSWORD, GOOD_PASSWORD))
    refused(answer, 400, "invalid.value", "oldPassword")
    event = (await events(world, person.user_id))[-1]
    assert event.origin.actor.id == person.user_id
    assert [change.property for change in event.changes] == ["password"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["newPassword", "oldPassword"]),
        ({"newPassword": GOOD_PASSWORD}, ["oldPassword"]),
        ({"oldPassword": "x"}, ["newPassword"]),
        (both("x" * 1025, GOOD_PASSWORD), ["oldPassword"]),
        (both("", GOOD_PASSWORD), ["oldPassword"]),
    ],
)
async def test_both_passwords_are_needed(
    sqlite: World, body: dict[str, Any], fields: list[str]
) -> None:
    person = await make_person(sqlite.admin)
    refused(await person.call("POST", MINE, body), 400, "invalid.value", *fields)


async def test_who_has_no_password_cannot_change_it(sqlite: World) -> None:
    person = await make_person(sqlite.admin)
    answer = await person.call("POST", MINE, both("nobody's password", GOOD_PASSWORD))
    refused(answer, 400, "invalid.value", "oldPassword")
    assert await digest_of(sqlite, person.user_id) is None


async def test_guessing_the_old_password_is_slowed_down_for_one_user(sqlite: World) -> None:
    person = await make_person(sqlite.admin, password=GOOD_PASSWORD)
    other = await make_person(sqlite.admin, password=GOOD_PASSWORD)
    await person.log_in()
    guess = both(OTHER_PASSWORD, OTHER_PASSWORD)
    calls = (person.call("POST", MINE, guess) for _ in range(12))
    statuses = sorted(answer.status_code for answer in await asyncio.gather(*calls))
    assert statuses == [*[400] * 10, 429, 429]
    answer = await person.call("POST", MINE, both(GOOD_PASSWORD, OTHER_PASSWORD))
    refused(answer, 429, "too.many.requests")
    assert answer.headers["retry-after"] == answer.json()["messageParams"]["seconds"] == "60"
    assert await knows(sqlite, person.user_id, GOOD_PASSWORD)
    done(await other.call("POST", MINE, both(GOOD_PASSWORD, OTHER_PASSWORD)))
    sqlite.clock.advance(60)
    done(await person.call("POST", MINE, both(GOOD_PASSWORD, OTHER_PASSWORD)))


async def test_of_two_changes_at_once_one_counts(world: World) -> None:
    person = await make_person(world.admin, password=GOOD_PASSWORD)
    await person.log_in()
    new = [f"{OTHER_PASSWORD} {number}" for number in range(3)]
    calls = (person.call("POST", MINE, both(GOOD_PASSWORD, each)) for each in new)
    statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert statuses.count(204) == 1
    # The others hear of it while they wait, or when they come: their token has ended by then.
    assert set(statuses) <= {204, 409, 401}
    assert await knows(world, person.user_id, new[statuses.index(204)])


async def test_a_password_that_was_set_meanwhile_is_not_changed_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knew the old password must not undo what an administrator does at that moment."""
    person = await make_person(world.admin, password=GOOD_PASSWORD)
    await person.log_in()
    digest = world.node.passwords.hash

    async def meanwhile(password: str) -> str:
        made = await digest(password)
        monkeypatch.undo()

        def reset(transaction: Transaction) -> None:
            transaction.users.set_password(person.user_id, "reset")

        await world.node.store.write(reset)
        return made

    monkeypatch.setattr(world.node.passwords, "hash", meanwhile)
    answer = await person.call("POST", MINE, both(GOOD_PASSWORD, OTHER_PASSWORD))
    refused(answer, 409, "general.conflict")
    assert await digest_of(world, person.user_id) == "reset"


async def test_too_many_at_once_are_told_to_come_again(
    sqlite: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 2)
    user = await make_user(sqlite.admin)
    new = [f"{GOOD_PASSWORD} {number}" for number in range(6)]
    answers = await asyncio.gather(*(set_password(sqlite.admin, user["id"], each) for each in new))
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {204, 503}
    assert statuses.count(204) >= 2
    assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)
    version = (await sqlite.admin.get(f"{USERS}/{user['id']}"))["version"]
    assert version == 1 + statuses.count(204)
