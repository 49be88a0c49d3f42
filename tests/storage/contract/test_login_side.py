"""What every store promises about sessions, codes, families of tokens and authorizations."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from sqlalchemy.util import await_only

from grantory.domain.authorization import Authorization, AuthorizationState
from grantory.domain.client import Reference, SubjectKind
from grantory.domain.code import AuthorizationCode, Epochs, TokenFamily
from grantory.domain.login import LoginSession
from grantory.errors import Conflict
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from tests.support.backends import Backend, Listener
from tests.support.entities import ORG, OTHER_ORG, a_client, a_user, an_id, put
from tests.support.patience import patiently
from tests.support.runtime import FakeClock

PATIENCE_SECONDS = 0.3
"""So long a change waits in vain for one that must not come before it."""


def a_session(number: int = 1, **fields: Any) -> LoginSession:
    session = LoginSession(
        id=an_id(5000 + number),
        organization_id=ORG,
        user_id=a_user(1).id,
        user_epoch=3,
        created_at=number,
        expires_at=1_000 + number,
    )
    return msgspec.structs.replace(session, **fields)


def digest(number: int = 1) -> bytes:
    return number.to_bytes(32, "big")


def a_code(number: int = 1, **fields: Any) -> AuthorizationCode:
    code = AuthorizationCode(
        digest=digest(number),
        organization_id=ORG,
        client_id=a_client(1).id,
        user_id=a_user(1).id,
        session_id=a_session(1).id,
        redirect_uri="https://app.example/cb",
        scopes=("users", "oauth:readonly"),
        challenge="c" * 43,
        epochs=Epochs(1, 2, 3),
        created_at=2**41,
        expires_at=2**41 + 60_000,
    )
    return msgspec.structs.replace(code, **fields)


def a_family(number: int = 1, **fields: Any) -> TokenFamily:
    family = TokenFamily(
        id=an_id(6000 + number),
        organization_id=ORG,
        client_id=a_client(1).id,
        user_id=a_user(1).id,
        session_id=a_session(1).id,
        scopes=("users", "\u00e4"),
        epochs=Epochs(1, 2, 3),
        created_at=2**41 + number,
        expires_at=2**42,
        generation=2**40,
        rotated_at=2**41,
    )
    return msgspec.structs.replace(family, **fields)


def an_authorization(client: int = 1, user: int | None = None, **fields: Any) -> Authorization:
    author = Reference(SubjectKind.USER, a_user(1).id)
    authorization = Authorization(
        organization_id=ORG,
        client_id=an_id(client),
        user_id=None if user is None else a_user(user).id,
        scopes=("users",),
        state=AuthorizationState.AUTHORIZED,
        created_at=10,
        modified_at=10,
        created_by=author,
        modified_by=author,
    )
    return msgspec.structs.replace(authorization, **fields)


async def held(store: OpenStore, number: int) -> AuthorizationCode | None:
    """The code with this digest, as whoever redeems it finds it."""
    found = await store.write(lambda t: t.codes.hold([digest(number)], wait=True))
    return found[digest(number)][0] if found else None


async def test_a_session_is_found_by_the_digest_of_its_cookie_alone(store: OpenStore) -> None:
    sessions = [a_session(1), a_session(2, expires_at=0), a_session(3, organization_id=OTHER_ORG)]
    for number, session in enumerate(sessions):
        await store.write(lambda t: t.logins.add(session, digest(number)))
    for number, session in enumerate(sessions):
        assert await store.read(lambda s: s.logins.find(digest(number))) == session
        assert await store.write(lambda t: t.logins.hold(session.id))
    for nobody in (digest(9), b"", digest(1)[:31]):
        assert await store.read(lambda s: s.logins.find(nobody)) is None
    assert not await store.write(lambda t: t.logins.hold(an_id(1)))


async def test_a_session_ends_once(store: OpenStore, second_store: OpenStore) -> None:
    await store.write(lambda t: t.logins.add(a_session(1), digest(1)))
    await store.write(lambda t: t.logins.add(a_session(2), digest(2)))
    assert await second_store.write(lambda t: t.logins.end(a_session(1).id))
    assert not await store.write(lambda t: t.logins.end(a_session(1).id))
    assert await store.read(lambda s: s.logins.find(digest(1))) is None
    assert not await store.write(lambda t: t.logins.hold(a_session(1).id))
    assert await store.read(lambda s: s.logins.find(digest(2))) == a_session(2)

    def renew(t: Transaction) -> None:
        assert t.logins.end(a_session(2).id)
        t.logins.add(a_session(2, created_at=5), digest(3))

    await store.write(renew)
    assert await store.read(lambda s: s.logins.find(digest(2))) is None
    assert await store.read(lambda s: s.logins.find(digest(3))) == a_session(2, created_at=5)


async def test_all_sessions_end_together(store: OpenStore) -> None:
    await store.write(lambda t: t.logins.add(a_session(1), digest(1)))
    await store.write(lambda t: t.logins.add(a_session(2, organization_id=OTHER_ORG), digest(2)))
    assert await store.write(lambda t: t.logins.end_all()) == 2
    assert await store.read(lambda s: [s.logins.find(digest(n)) for n in (1, 2)]) == [None, None]


async def test_a_session_gets_another_cookie(store: OpenStore) -> None:
    later = a_session(1, user_epoch=4, created_at=50, expires_at=90)
    assert not await store.write(lambda t: t.logins.renew(later, digest(2)))
    await store.write(lambda t: t.logins.add(a_session(1), digest(1)))
    assert await store.write(lambda t: t.logins.renew(later, digest(2)))
    assert await store.read(lambda s: s.logins.find(digest(1))) is None
    assert await store.read(lambda s: s.logins.find(digest(2))) == later


async def test_every_code_is_removed(store: OpenStore) -> None:
    await store.write(lambda t: t.codes.add(a_code(1)))
    await store.write(lambda t: t.codes.add(a_code(2)))
    assert await store.write(lambda t: t.codes.remove_all()) == 2
    assert await held(store, 1) is None


async def test_no_two_sessions_share_a_cookie_or_an_id(store: OpenStore) -> None:
    await store.write(lambda t: t.logins.add(a_session(1), digest(1)))
    for session, number in ((a_session(2), 1), (a_session(1), 2)):
        with pytest.raises(Conflict):
            await store.write(lambda t: t.logins.add(session, digest(number)))
    assert await store.read(lambda s: s.logins.find(digest(1))) == a_session(1)


async def test_a_held_session_ends_after_what_it_leads_to_is_there(
    store: OpenStore, second_store: OpenStore
) -> None:
    await store.write(lambda t: t.logins.add(a_session(1), digest(1)))
    logged_out = threading.Event()
    ending: list[asyncio.Task[int]] = []
    loop = asyncio.get_running_loop()

    def log_out(t: Transaction) -> int:
        t.logins.end(a_session(1).id)
        return t.families.end_of_session(a_session(1).id, 77)

    def begin_log_out() -> None:
        task = loop.create_task(second_store.write(log_out))
        task.add_done_callback(lambda _: logged_out.set())
        ending.append(task)

    def redeem(t: Transaction) -> None:
        assert t.logins.hold(a_session(1).id)
        loop.call_soon_threadsafe(begin_log_out)
        if threading.current_thread() is threading.main_thread():
            await_only(asyncio.sleep(PATIENCE_SECONDS))  # a greenlet of the event loop
        else:
            logged_out.wait(PATIENCE_SECONDS)
        t.families.add(a_family(1))

    await store.write(redeem)
    assert await ending[0] == 1
    found = await store.read(lambda s: s.families.get(a_family(1).id))
    assert found is not None
    assert found.ended_at == 77


async def test_a_code_comes_back_as_it_was_and_is_used_once(store: OpenStore) -> None:
    plain = a_code(2, redirect_uri=None, challenge=None, session_id=None, scopes=())
    for code in (a_code(1), plain):
        await store.write(lambda t: t.codes.add(code))
        assert await held(store, int.from_bytes(code.digest, "big")) == code
    assert await held(store, 9) is None
    await store.write(lambda t: t.codes.use({digest(1): an_id(6001)}, 7))
    await store.write(lambda t: t.codes.use({digest(2): None, digest(9): None}, 8))
    used = a_code(1, used_at=7, family_id=an_id(6001))
    assert await held(store, 1) == used
    assert await held(store, 2) == msgspec.structs.replace(plain, used_at=8)
    with pytest.raises(Conflict):
        await store.write(lambda t: t.codes.add(a_code(1, client_id=an_id(2))))


async def test_a_locked_code_is_used_by_one_of_many(
    store: OpenStore, second_store: OpenStore
) -> None:
    await store.write(lambda t: t.codes.add(a_code(1)))

    def redeem(t: Transaction, number: int) -> bool:
        code, _ = t.codes.hold([digest(1)], wait=True)[digest(1)]
        if code.used_at is not None:
            return False
        t.codes.use({digest(1): None}, number)
        return True

    stores = (store, second_store)
    outcomes = await asyncio.gather(
        *(patiently(stores[n % 2], lambda t, n=n: redeem(t, n)) for n in range(1, 13))  # type: ignore[misc]
    )
    assert sum(outcomes) == 1


async def test_a_family_comes_back_as_it_was(store: OpenStore) -> None:
    bare = a_family(2, session_id=None, scopes=(), generation=0, ended_at=5, epoch=4)
    for family in (a_family(1), bare):
        await store.write(lambda t: t.families.add(family))
        assert await store.read(lambda s: s.families.get(family.id)) == family
        assert await store.write(lambda t: t.families.get_for_change(family.id)) == family
    assert await store.read(lambda s: s.families.get(an_id(1))) is None
    assert await store.write(lambda t: t.families.get_for_change(an_id(1))) is None
    with pytest.raises(Conflict):
        await store.write(lambda t: t.families.add(a_family(1)))


async def test_the_newest_family_of_a_user(store: OpenStore) -> None:
    other = a_user(2).id
    used = [a_family(n, rotated_at=n) for n in (3, 5, 4)]
    for family in (*used, a_family(9, user_id=other, rotated_at=9)):
        await store.write(lambda t: t.families.add(family))
    assert await store.read(lambda s: s.families.last_of_user(a_user(1).id)) == used[1]
    await store.write(lambda t: t.families.rotate([used[0].id], 8, 99))
    last = await store.read(lambda s: s.families.last_of_user(a_user(1).id))
    assert last is not None
    assert last.id == used[0].id
    assert await store.read(lambda s: s.families.last_of_user(an_id(1))) is None


async def test_a_rotation_changes_the_generation_and_nothing_else(
    store: OpenStore, second_store: OpenStore, backend: Backend, clock: FakeClock
) -> None:
    for number in (1, 2):
        await store.write(lambda t: t.families.add(a_family(number)))
    listener = Listener(second_store)
    await listener.catch_up()
    await store.write(lambda t: t.families.rotate([a_family(1).id], 2**42, 2**43))
    rotated = a_family(1, generation=2**40 + 1, rotated_at=2**42, expires_at=2**43)
    assert await store.read(lambda s: s.families.get(rotated.id)) == rotated
    assert await store.read(lambda s: s.families.get(a_family(2).id)) == a_family(2)
    # No memory asks for the generation: it need not hear.
    clock.advance(backend.lag)
    assert await listener.catch_up() == []


async def test_an_end_raises_the_epoch_once_and_is_heard(
    store: OpenStore, second_store: OpenStore, backend: Backend, clock: FakeClock
) -> None:
    await store.write(lambda t: t.families.add(a_family(1)))
    listener = Listener(second_store)
    await listener.catch_up()
    await store.write(lambda t: t.families.end(a_family(1).id, 7))
    await store.write(lambda t: t.families.end(a_family(1).id, 8))
    await store.write(lambda t: t.families.end(an_id(1), 9))
    assert await store.read(lambda s: s.families.get(a_family(1).id)) == a_family(
        1, epoch=2, ended_at=7
    )
    clock.advance(backend.lag)
    assert await listener.catch_up() == [("family", a_family(1).id)]


async def test_the_families_of_a_session_end_together(store: OpenStore) -> None:
    mine = [a_family(1), a_family(2), a_family(3, ended_at=1, epoch=2)]
    others = [a_family(4, session_id=a_session(2).id), a_family(5, session_id=None)]
    for family in (*mine, *others):
        await store.write(lambda t: t.families.add(family))
    assert await store.write(lambda t: t.families.end_of_session(a_session(1).id, 9)) == 2
    assert await store.write(lambda t: t.families.end_of_session(a_session(1).id, 10)) == 0
    assert await store.write(lambda t: t.families.end_of_session(an_id(1), 10)) == 0
    found = [await store.read(lambda s: s.families.get(each.id)) for each in (*mine, *others)]
    ended = [a_family(number, ended_at=9, epoch=2) for number in (1, 2)]
    assert found == [*ended, mine[2], *others]


async def test_an_authorization_is_written_over(store: OpenStore) -> None:
    first = an_authorization(1, 1)
    await store.write(lambda t: t.authorizations.put(first))
    for user in (None, a_user(2).id):
        assert await store.read(lambda s: s.authorizations.get(ORG, an_id(1), user)) is None
    later = msgspec.structs.replace(
        first,
        scopes=(),
        state=AuthorizationState.REVOKED,
        created_at=20,
        modified_at=20,
        created_by=Reference(SubjectKind.CLIENT, an_id(9)),
        modified_by=Reference(SubjectKind.CLIENT, an_id(9)),
    )
    await store.write(lambda t: t.authorizations.put(later))
    kept = msgspec.structs.replace(later, created_at=10, created_by=first.created_by)
    user_id = a_user(1).id
    assert await store.read(lambda s: s.authorizations.get(ORG, an_id(1), user_id)) == kept
    assert await store.read(lambda s: s.authorizations.get(OTHER_ORG, an_id(1), user_id)) is None
    assert await store.read(lambda s: s.authorizations.get(ORG, an_id(2), user_id)) is None


async def test_the_organisations_word_comes_first_then_the_newest(store: OpenStore) -> None:
    given = [
        an_authorization(1, 1, modified_at=30),
        an_authorization(1, 2, modified_at=50),
        an_authorization(1, None, modified_at=10),
        an_authorization(2, 1, modified_at=40),
        an_authorization(1, 1, organization_id=OTHER_ORG),
    ]
    await store.write(put(a_client(1), a_client(2)))
    for authorization in given:
        await store.write(lambda t: t.authorizations.put(authorization))
    of_client = await store.read(lambda s: s.authorizations.of_client(ORG, an_id(1), 9))
    assert of_client == [given[2], given[1], given[0]]
    first = await store.read(lambda s: s.authorizations.of_client(ORG, an_id(1), 1))
    assert first == [given[2]]
    assert await store.read(lambda s: s.authorizations.clients(ORG, 9)) == [an_id(1), an_id(2)]
    assert await store.read(lambda s: s.authorizations.clients(ORG, 1)) == [an_id(1)]


async def test_what_was_said_goes_with_whom_it_is_about(store: OpenStore) -> None:
    given = [an_authorization(client, user) for client in (1, 2) for user in (None, 1, 2)]
    for authorization in given:
        await store.write(lambda t: t.authorizations.put(authorization))
    await store.write(lambda t: t.authorizations.remove_of_client(ORG, an_id(1)))
    assert await store.read(lambda s: s.authorizations.clients(ORG, 9)) == [an_id(2)]
    await store.write(lambda t: t.authorizations.remove_of_user(OTHER_ORG, a_user(1).id))
    await store.write(lambda t: t.authorizations.remove_of_user(ORG, a_user(1).id))
    left = await store.read(lambda s: s.authorizations.of_client(ORG, an_id(2), 9))
    assert [each.user_id for each in left] == [None, a_user(2).id]


async def test_all_that_was_allowed_to_a_client_is_revoked_at_once(store: OpenStore) -> None:
    given = [an_authorization(1, user) for user in (None, 1, 2)]
    given.append(an_authorization(1, 3, state=AuthorizationState.REVOKED))
    given.append(an_authorization(2, 1))
    for authorization in given:
        await store.write(lambda t: t.authorizations.put(authorization))
    author = Reference(SubjectKind.CLIENT, an_id(9))
    by = msgspec.structs.replace(given[0], modified_at=99, modified_by=author)
    assert await store.write(lambda t: t.authorizations.revoke_all(by)) == 3
    assert await store.write(lambda t: t.authorizations.revoke_all(by)) == 0
    found = await store.read(lambda s: s.authorizations.of_client(ORG, an_id(1), 9))
    assert {each.state for each in found} == {AuthorizationState.REVOKED}
    assert sorted(each.modified_at for each in found) == [10, 99, 99, 99]
    assert await store.read(
        lambda s: s.authorizations.get(ORG, an_id(2), a_user(1).id)
    ) == an_authorization(2, 1)


@pytest.mark.parametrize(
    ("kind", "add"),
    [
        ("sessions", lambda t, n: t.logins.add(a_session(n, expires_at=n), digest(n))),
        ("codes", lambda t, n: t.codes.add(a_code(n, expires_at=n))),
        ("families", lambda t, n: t.families.add(a_family(n, expires_at=n))),
    ],
)
async def test_what_has_expired_long_ago_is_forgotten(
    store: OpenStore, kind: str, add: Callable[[Transaction, int], None]
) -> None:
    for number in range(1, 7):
        await store.write(lambda t: add(t, number))

    def forget(before: int, limit: int) -> Callable[[Transaction], int]:
        return lambda t: int(getattr(t.upkeep, f"forget_{kind}")(before, limit))

    assert await store.write(forget(1, 10)) == 0
    assert await store.write(forget(5, 3)) == 3
    assert await store.write(forget(5, 3)) == 1
    assert await store.write(forget(5, 3)) == 0
    assert await store.write(forget(100, 10)) == 2
