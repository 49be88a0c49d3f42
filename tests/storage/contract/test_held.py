"""What every store promises about several codes, families and sessions that are held together."""

from collections.abc import Callable

import msgspec
import pytest

from grantory.domain.client import ClientState
from grantory.domain.code import Epochs, StandingNow
from grantory.domain.organization import UserState
from grantory.errors import Conflict
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from tests.storage.contract.test_login_side import a_code, a_family, a_session, digest
from tests.support.entities import OTHER_ORG, a_client, a_user, an_id, an_organization, put

MANY = 150
"""More than one statement names."""
AS_NOW = StandingNow(Epochs(4, 5, 6), ClientState.ACTIVE, None, UserState.ACTIVE)


def those_by_whose_leave(t: Transaction) -> None:
    t.organizations.add(an_organization(1, token_epoch=4))
    t.clients.add(a_client(1, token_epoch=5))
    t.users.add(a_user(1, token_epoch=6), None)


@pytest.mark.parametrize("wait", [True, False])
async def test_many_families_begin_are_held_and_go_on_together(
    store: OpenStore, wait: bool
) -> None:
    families = [a_family(number) for number in range(MANY)]
    ids = [family.id for family in families]
    await store.write(lambda t: t.families.add_all(families))
    await store.write(lambda t: t.families.add_all([]))
    found = await store.write(lambda t: t.families.hold([*ids, an_id(1)], wait=wait))
    assert found == {family.id: (family, None) for family in families}
    assert await store.write(lambda t: t.families.hold([], wait=wait)) == {}
    await store.write(lambda t: t.families.rotate(ids[1:], 2**42, 2**43))
    found = await store.write(lambda t: t.families.hold(ids, wait=wait))
    assert found[ids[0]][0] == families[0]
    for family in families[1:]:
        rotated = msgspec.structs.replace(
            family, generation=2**40 + 1, rotated_at=2**42, expires_at=2**43
        )
        assert found[family.id][0] == rotated


async def test_of_several_families_all_begin_or_none(store: OpenStore) -> None:
    await store.write(lambda t: t.families.add(a_family(2)))
    with pytest.raises(Conflict):
        await store.write(lambda t: t.families.add_all([a_family(1), a_family(2)]))
    assert await store.read(lambda s: s.families.get(a_family(1).id)) is None


@pytest.mark.parametrize("wait", [True, False])
async def test_many_codes_are_held_and_used_together(store: OpenStore, wait: bool) -> None:
    for number in range(1, MANY):
        await store.write(lambda t: t.codes.add(a_code(number)))
    digests = [digest(number) for number in range(1, MANY + 1)]
    found = await store.write(lambda t: t.codes.hold(digests, wait=wait))
    assert found == {digest(number): (a_code(number), None) for number in range(1, MANY)}
    uses = {digest(number): an_id(number) if number % 2 else None for number in range(2, MANY)}
    await store.write(lambda t: t.codes.use(uses, 7))
    await store.write(lambda t: t.codes.use({}, 8))
    found = await store.write(lambda t: t.codes.hold(digests, wait=wait))
    assert found[digest(1)][0] == a_code(1)
    for each, family_id in uses.items():
        assert (found[each][0].used_at, found[each][0].family_id) == (7, family_id)


async def test_many_sessions_are_held_together(store: OpenStore) -> None:
    ids = [a_session(number).id for number in range(MANY)]
    for number in range(1, MANY):
        await store.write(lambda t: t.logins.add(a_session(number), digest(number)))
    assert await store.write(lambda t: t.logins.hold_all(ids)) == {*ids[1:]}
    assert await store.write(lambda t: t.logins.hold_all([])) == frozenset()


@pytest.mark.parametrize(
    ("change", "now"),
    [
        (lambda _: None, AS_NOW),
        (
            lambda t: t.clients.replace(a_client(1, state=ClientState.INACTIVE, token_epoch=9)),
            StandingNow(Epochs(4, 9, 6), ClientState.INACTIVE, None, UserState.ACTIVE),
        ),
        (
            lambda t: t.clients.replace(a_client(1, delete_at=77, token_epoch=5)),
            StandingNow(Epochs(4, 5, 6), ClientState.ACTIVE, 77, UserState.ACTIVE),
        ),
        (
            lambda t: t.users.replace(a_user(1, state=UserState.INACTIVE, token_epoch=8)),
            StandingNow(Epochs(4, 5, 8), ClientState.ACTIVE, None, UserState.INACTIVE),
        ),
        (
            lambda t: t.organizations.replace(an_organization(1, token_epoch=10)),
            StandingNow(Epochs(10, 5, 6), ClientState.ACTIVE, None, UserState.ACTIVE),
        ),
        (lambda t: t.clients.delete(a_client(1), 9), None),
        (lambda t: t.users.delete(a_user(1), 9), None),
    ],
)
async def test_with_them_comes_how_those_stand_by_whose_leave_they_are(
    store: OpenStore, change: Callable[[Transaction], None], now: StandingNow | None
) -> None:
    await store.write(put(a_client(2)))
    await store.write(those_by_whose_leave)
    await store.write(lambda t: t.codes.add(a_code(1)))
    await store.write(lambda t: t.families.add(a_family(1)))
    await store.write(change)
    for wait in (True, False):
        codes = await store.write(lambda t: t.codes.hold([digest(1)], wait=wait))
        families = await store.write(lambda t: t.families.hold([a_family(1).id], wait=wait))
        assert codes == {digest(1): (a_code(1), now)}
        assert families == {a_family(1).id: (a_family(1), now)}


async def test_a_user_of_another_organisation_gives_no_leave(store: OpenStore) -> None:
    await store.write(those_by_whose_leave)
    await store.write(lambda t: t.users.add(a_user(2, organization_id=OTHER_ORG), None))
    await store.write(lambda t: t.families.add(a_family(1, user_id=a_user(2).id)))
    found = await store.write(lambda t: t.families.hold([a_family(1).id], wait=True))
    assert found[a_family(1).id][1] is None
