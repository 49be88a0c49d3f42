"""What every store promises about users: their list, their passwords, and their end."""

import msgspec
import pytest

from grantory.domain.access import Assignment
from grantory.domain.client import SubjectKind
from grantory.domain.organization import User, UserState
from grantory.errors import Conflict
from grantory.ports.storage import Snapshot
from grantory.storage.database import OpenStore
from tests.support.entities import ORG, OTHER_ORG, a_division, a_role, a_user, an_id, put

INACTIVE = UserState.INACTIVE


def five() -> list[User]:
    """Users of one organisation: the second and fourth inactive, two made at the same time."""
    states = {2: INACTIVE, 4: INACTIVE}
    return [
        a_user(number, created_at=min(number, 4), state=states.get(number, UserState.ACTIVE))
        for number in range(1, 6)
    ]


async def test_every_field_comes_back_as_it_was_kept(store: OpenStore) -> None:
    user = a_user(
        1,
        name="Ännchen",
        modified_at=5,
        title="Leiterin",
        department="Größe",
        division_id=a_division(1).id,
        state=INACTIVE,
        token_epoch=7,
        version=9,
    )
    await store.write(put(a_division(1), user, a_user(2)))
    assert await store.read(lambda s: s.users.get(user.id)) == user
    assert await store.write(lambda t: t.users.get_for_change(ORG, user.id)) == user
    assert await store.write(lambda t: t.users.get_for_change(OTHER_ORG, user.id)) is None
    after = msgspec.structs.replace(
        a_user(1), name="B", email="b@example.com", version=10, token_epoch=8, modified_at=6
    )
    await store.write(lambda t: t.users.replace(after))
    assert await store.read(lambda s: s.users.get(user.id)) == after
    assert await store.read(lambda s: s.users.get(a_user(2).id)) == a_user(2)


async def test_a_page_is_in_the_order_of_creation_either_way(store: OpenStore) -> None:
    users = five()
    await store.write(put(*users, a_user(6, organization_id=OTHER_ORG)))

    async def page(state: UserState | None, offset: int, limit: int, newest: bool) -> list[User]:
        return await store.scan(
            lambda s: s.users.page(ORG, state, offset, limit, newest_first=newest)
        )

    assert await page(None, 0, 9, newest=False) == users
    assert await page(None, 0, 9, newest=True) == users[::-1]
    assert await page(None, 1, 2, newest=False) == users[1:3]
    assert await page(INACTIVE, 0, 9, newest=True) == [users[3], users[1]]
    assert await page(UserState.ACTIVE, 1, 1, newest=False) == [users[2]]
    assert await page(UserState.ACTIVE, 9, 9, newest=False) == []

    def counted(snapshot: Snapshot) -> list[int]:
        return [snapshot.users.count(ORG, state) for state in (None, INACTIVE, UserState.ACTIVE)]

    assert await store.scan(counted) == [5, 2, 3]


async def test_some_are_found_by_their_ids_in_their_own_organisation(store: OpenStore) -> None:
    users = five()
    stranger = a_user(6, organization_id=OTHER_ORG)
    await store.write(put(*users, stranger))
    ids = [users[3].id, stranger.id, an_id(77), users[0].id]
    assert await store.scan(lambda s: s.users.of_ids(ORG, ids)) == [users[3], users[0]]
    assert await store.scan(lambda s: s.users.of_ids(ORG, [])) == []


async def test_an_address_is_unique_whatever_its_case_while_its_user_is_there(
    store: OpenStore,
) -> None:
    first, second = a_user(1, email="Straße@example.com"), a_user(2)
    await store.write(put(first, second, a_user(3, organization_id=OTHER_ORG, email=first.email)))
    taken = msgspec.structs.replace(second, email="STRASSE@Example.com")
    with pytest.raises(Conflict):
        await store.write(lambda t: t.users.replace(taken))
    with pytest.raises(Conflict):
        await store.write(put(a_user(4, email="strasse@example.com")))
    found = await store.read(lambda s: s.users.find_by_email(ORG, " strasse@EXAMPLE.com"))
    assert found == first
    await store.write(lambda t: t.users.delete(first, 9))
    assert await store.read(lambda s: s.users.find_by_email(ORG, first.email)) is None
    await store.write(lambda t: t.users.replace(taken))


async def test_a_password_is_kept_replaced_and_ends_the_tokens(store: OpenStore) -> None:
    first, second = a_user(1), a_user(2)
    await store.write(lambda t: t.users.add(first, "digest one"))
    await store.write(put(second))

    async def kept() -> list[str | None]:
        return await store.read(
            lambda s: [s.users.password_digest(each) for each in (first.id, second.id, an_id(9))]
        )

    assert await kept() == ["digest one", None, None]
    await store.write(lambda t: t.users.set_password(first.id, "digest two"))
    await store.write(lambda t: t.users.replace(a_user(2, name="Other")))
    assert await kept() == ["digest two", None, None]
    assert await store.read(lambda s: s.users.get(first.id)) == a_user(1, token_epoch=2, version=2)
    await store.write(lambda t: t.users.replace(a_user(1, name="Other")))
    assert await kept() == ["digest two", None, None]
    await store.write(lambda t: t.users.delete(first, 9))
    assert await kept() == [None, None, None]


async def test_whoever_is_deleted_is_nowhere_and_the_id_stays_taken(
    store: OpenStore, second_store: OpenStore
) -> None:
    user, other = a_user(1), a_user(2)
    await store.write(put(a_role(1), user, other))
    held = [Assignment(a_role(1).id, "*")]
    await store.write(lambda t: t.access.set_grants(ORG, user.id, SubjectKind.USER, held, 5))
    heard: list[object] = []
    await second_store.feed.catch_up()
    second_store.feed.listen(lambda entities: heard.extend(entities or ["everything"]))

    await store.write(lambda t: t.users.delete(user, 9))

    await second_store.feed.catch_up()
    assert heard == [("user", user.id)]
    assert await store.read(lambda s: s.users.get(user.id)) is None
    assert await store.write(lambda t: t.users.get_for_change(ORG, user.id)) is None
    assert await store.scan(lambda s: s.users.page(ORG, None, 0, 9)) == [other]
    assert await store.scan(lambda s: s.users.of_ids(ORG, [user.id])) == []
    assert await store.scan(lambda s: s.users.count(ORG, None)) == 1
    # Nothing that comes too late brings anything back.
    await store.write(lambda t: t.users.set_password(user.id, "late"))
    await store.write(lambda t: t.users.end_tokens(user.id))
    await store.write(lambda t: t.users.replace(user))
    assert await store.read(lambda s: s.users.get(user.id)) is None
    assert await store.read(lambda s: s.users.password_digest(user.id)) is None
    with pytest.raises(Conflict):
        await store.write(put(a_user(1, email="other@example.com")))
