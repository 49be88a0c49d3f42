"""What every store promises about set-up, organisations, users, keys, ended tokens and audit."""

import asyncio

import pytest

from grantory.domain.access import Assignment
from grantory.domain.audit import Origin
from grantory.domain.client import Reference, SubjectKind
from grantory.domain.organization import UserState
from grantory.errors import Conflict
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from grantory.storage.denied_parts import BEYOND_ALL
from tests.support.entities import (
    ORG,
    OTHER_ORG,
    a_denied_token,
    a_key,
    a_user,
    an_event,
    an_id,
    an_organization,
    put,
)
from tests.support.patience import patiently


async def test_a_store_is_set_up_once(store: OpenStore) -> None:
    assert await store.read(lambda s: s.installation.master_key_check()) is None
    await store.write(lambda t: t.installation.set_up(b"\x00check\xff", 1))
    assert await store.read(lambda s: s.installation.master_key_check()) == b"\x00check\xff"
    with pytest.raises(Conflict):
        await store.write(lambda t: t.installation.set_up(b"other", 2))
    assert await store.read(lambda s: s.installation.master_key_check()) == b"\x00check\xff"


async def test_organisations_come_back_oldest_first(store: OpenStore) -> None:
    full = an_organization(
        1,
        name="Örganisation",
        created_at=20,
        default_language="de",
        default_country_code="DE",
        domain="example.de",
        token_epoch=3,
        version=4,
    )
    old = an_organization(2, created_at=10)
    same = an_organization(3, created_at=20)
    await store.write(put(same, full, old))
    assert await store.read(lambda s: s.organizations.get(ORG)) == full
    assert await store.read(lambda s: s.organizations.get(an_id(5))) is None
    assert await store.read(lambda s: s.organizations.all()) == [old, full, same]


async def test_an_organisations_name_is_unique_whatever_its_case(store: OpenStore) -> None:
    await store.write(lambda t: t.organizations.add(an_organization(1, name="Straße")))
    with pytest.raises(Conflict):
        await store.write(lambda t: t.organizations.add(an_organization(2, name="STRASSE")))
    assert len(await store.read(lambda s: s.organizations.all())) == 1


async def test_a_user_is_found_by_id_and_by_e_mail_whatever_its_case(store: OpenStore) -> None:
    user = a_user(1, state=UserState.INACTIVE, token_epoch=3, version=4)
    await store.write(lambda t: t.users.add(user, "digest"))
    assert await store.read(lambda s: s.users.get(user.id)) == user
    assert await store.read(lambda s: s.users.get(an_id(5))) is None
    for email in ("User1@Example.com", "user1@example.COM", " user1@example.com "):
        assert await store.read(lambda s: s.users.find_by_email(ORG, email)) == user
    assert await store.read(lambda s: s.users.find_by_email(OTHER_ORG, user.email)) is None
    assert await store.read(lambda s: s.users.find_by_email(ORG, "user2@example.com")) is None


async def test_an_e_mail_address_is_unique_in_its_organisation(store: OpenStore) -> None:
    await store.write(lambda t: t.users.add(a_user(1), None))
    with pytest.raises(Conflict):
        await store.write(lambda t: t.users.add(a_user(2, email="USER1@example.com"), None))
    elsewhere = a_user(3, email="user1@example.com", organization_id=OTHER_ORG)
    await store.write(lambda t: t.users.add(elsewhere, None))
    assert await store.read(lambda s: s.users.get(a_user(2).id)) is None


async def test_a_new_password_raises_the_users_epoch_and_no_others(store: OpenStore) -> None:
    await store.write(put(*(a_user(n) for n in (1, 2))))
    await store.write(lambda t: t.users.set_password(a_user(1).id, "digest"))
    assert await store.read(lambda s: s.users.get(a_user(1).id)) == a_user(
        1, token_epoch=2, version=2
    )
    assert await store.read(lambda s: s.users.get(a_user(2).id)) == a_user(2)


async def test_a_user_is_changed_in_its_own_organisation_only(store: OpenStore) -> None:
    await store.write(lambda t: t.users.add(a_user(1), None))
    user_id = a_user(1).id
    assert await store.write(lambda t: t.users.get_for_change(ORG, user_id)) == a_user(1)
    assert await store.write(lambda t: t.users.get_for_change(OTHER_ORG, user_id)) is None
    assert await store.write(lambda t: t.users.get_for_change(ORG, an_id(5))) is None


async def test_a_user_that_is_locked_is_changed_by_one_at_a_time(
    store: OpenStore, second_store: OpenStore
) -> None:
    await store.write(lambda t: t.users.add(a_user(1), None))
    user_id = a_user(1).id

    def add_one(t: Transaction, number: int) -> None:
        assert t.users.get_for_change(ORG, user_id) is not None
        held = [grant.assignment for grant in t.access.grants_of(user_id)]
        wanted = [*held, Assignment(f"r{number}", "*")]
        t.access.set_grants(ORG, user_id, SubjectKind.USER, wanted, number)

    await asyncio.gather(
        *(
            patiently((store, second_store)[n % 2], lambda t, n=n: add_one(t, n))  # type: ignore[misc]
            for n in range(8)
        )
    )
    found = await store.read(lambda s: s.access.grants_of(user_id))
    assert {grant.role_id for grant in found} == {f"r{n}" for n in range(8)}


async def test_the_newest_key_of_an_organisation_signs_and_old_ones_are_found(
    store: OpenStore,
) -> None:
    assert await store.read(lambda s: s.keys.newest(ORG)) is None
    keys = [a_key(2, created_at=20), a_key(1, created_at=10), a_key(3, organization_id=OTHER_ORG)]
    await store.write(put(*keys))
    assert await store.read(lambda s: s.keys.newest(ORG)) == keys[0]
    assert await store.read(lambda s: s.keys.newest(OTHER_ORG)) == keys[2]
    for key in keys:
        assert await store.read(lambda s: s.keys.get(key.key_id)) == key
    assert await store.read(lambda s: s.keys.get(bytes(8))) is None


async def test_a_key_id_is_unique_in_the_whole_store(store: OpenStore) -> None:
    await store.write(lambda t: t.keys.add(a_key(1)))
    with pytest.raises(Conflict):
        await store.write(lambda t: t.keys.add(a_key(1, organization_id=OTHER_ORG)))
    assert await store.read(lambda s: s.keys.get(a_key(1).key_id)) == a_key(1)


async def test_an_ended_token_is_on_the_list(store: OpenStore) -> None:
    tokens = [a_denied_token(n, expires_at=n * 10) for n in (1, 2, 3)]
    await store.write(put(*tokens))
    for token in tokens:
        assert await store.read(lambda s: s.denied_tokens.contains(token.token_id))
    assert not await store.read(lambda s: s.denied_tokens.contains(bytes(16)))


async def test_ended_tokens_are_listed_by_their_ids(store: OpenStore) -> None:
    tokens = [a_denied_token(n, expires_at=n * 10) for n in (3, 1, 2)]
    await store.write(put(*tokens))
    three, one, two = (token.token_id for token in tokens)

    async def between(since: bytes, before: bytes, limit: int = 9) -> list[bytes]:
        found = await store.read(lambda s: s.denied_tokens.between(since, before, limit))
        assert all(type(token_id) is bytes for token_id in found)
        return found

    assert await between(b"", BEYOND_ALL) == [one, two, three]
    assert await between(b"", BEYOND_ALL, 2) == [one, two]
    assert await between(two, BEYOND_ALL) == [two, three]
    assert await between(b"", three) == [one, two]
    assert await between(two, two) == []


async def test_ending_a_token_again_changes_nothing(store: OpenStore) -> None:
    await store.write(lambda t: t.denied_tokens.add(a_denied_token(1)))
    later = a_denied_token(1, expires_at=9999)
    await store.write(lambda t: t.denied_tokens.add(later))
    assert await store.write(lambda t: t.upkeep.forget_denied_tokens(1001, 10)) == 1


async def test_a_token_that_is_ended_twice_at_the_same_moment_is_ended_once(
    store: OpenStore, second_store: OpenStore
) -> None:
    for number in range(10):
        token = a_denied_token(number)
        ended = await asyncio.gather(
            *(
                patiently(each, lambda t: t.denied_tokens.add(token))
                for each in (store, second_store) * 2
            )
        )
        assert sorted(ended) == [False, False, False, True]


async def test_an_event_comes_back_as_it_was_recorded(store: OpenStore) -> None:
    plain = an_event(
        2,
        origin=Origin(actor=Reference(SubjectKind.SYSTEM, "command-line")),
        changes=(),
        entity_name="",
    )
    await store.write(put(an_event(1), plain))
    assert await store.read(lambda s: s.audit.of_entity(ORG, an_id(1), 10)) == [plain, an_event(1)]


async def test_an_entitys_events_come_newest_first_and_bounded(store: OpenStore) -> None:
    times = [5, 1, 9, 9, 3]
    events = [an_event(at, action=f"number {i}") for i, at in enumerate(times)]
    others = [an_event(7, entity_id=an_id(2)), an_event(7, organization_id=OTHER_ORG)]
    await store.write(put(*events, *others))

    async def actions(limit: int) -> list[str]:
        found = await store.read(lambda s: s.audit.of_entity(ORG, an_id(1), limit))
        return [event.action for event in found]

    assert await actions(10) == ["number 3", "number 2", "number 0", "number 4", "number 1"]
    assert await actions(2) == ["number 3", "number 2"]
    assert await store.read(lambda s: s.audit.of_entity(OTHER_ORG, an_id(2), 10)) == []
