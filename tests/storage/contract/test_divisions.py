"""What every store promises about changing, deleting and restoring divisions."""

import asyncio

import msgspec
import pytest

from grantory.domain.access import Assignment, Division
from grantory.domain.client import SubjectKind
from grantory.errors import Conflict
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from tests.support.backends import news
from tests.support.entities import ORG, OTHER_ORG, a_division, an_id, put
from tests.support.patience import patiently

HOME = a_division(1, name="Home", home=True)
NORTH = a_division(2, name="Nörth", description="text")


async def grant(
    store: OpenStore, subject: int, *assignments: tuple[str, str], at: int = 10
) -> None:
    wanted = [Assignment(*assignment) for assignment in assignments]
    await store.write(
        lambda t: t.access.set_grants(ORG, an_id(subject), SubjectKind.CLIENT, wanted, at)
    )


async def listed(store: OpenStore, organization_id: str = ORG) -> list[Division]:
    return await store.scan(lambda s: s.access.divisions(organization_id))


async def deleted(store: OpenStore, offset: int = 0, limit: int = 100) -> list[Division]:
    return await store.scan(lambda s: s.access.deleted_divisions(ORG, offset, limit))


async def delete(store: OpenStore, division: Division, at: int = 50) -> None:
    await store.write(lambda t: t.access.delete_division(division, at))


async def test_a_division_is_locked_and_held_in_its_organisation_only(store: OpenStore) -> None:
    await store.write(put(HOME, NORTH))
    assert await store.write(lambda t: t.access.lock_division(ORG, NORTH.id)) == NORTH
    assert await store.write(lambda t: t.access.hold_division(ORG, NORTH.id)) == NORTH
    for where, division_id in ((OTHER_ORG, NORTH.id), (ORG, an_id(5))):
        assert await store.write(lambda t: t.access.lock_division(where, division_id)) is None
        assert await store.write(lambda t: t.access.hold_division(where, division_id)) is None
    assert await store.write(lambda t: t.access.lock_deleted_division(ORG, NORTH.id)) is None


async def test_replacing_a_division_writes_name_and_description_alone(store: OpenStore) -> None:
    await store.write(put(HOME, NORTH))
    after = msgspec.structs.replace(NORTH, name="South", description=None)
    asked = msgspec.structs.replace(after, home=True, created_at=99, organization_id=OTHER_ORG)
    await store.write(lambda t: t.access.replace_division(asked))
    assert await listed(store) == [HOME, after]
    await store.write(lambda t: t.access.add_division(a_division(3, name="NÖRTH")))
    with pytest.raises(Conflict):
        await store.write(
            lambda t: t.access.replace_division(msgspec.structs.replace(after, name="nörth"))
        )
    assert await store.read(lambda s: s.access.division(ORG, NORTH.id)) == after


async def test_a_deleted_division_is_found_among_the_deleted_only(store: OpenStore) -> None:
    elsewhere = a_division(4, organization_id=OTHER_ORG)
    await store.write(put(HOME, NORTH, elsewhere))
    await delete(store, NORTH)
    await delete(store, elsewhere)
    assert await listed(store) == [HOME]
    assert await store.read(lambda s: s.access.division(ORG, NORTH.id)) is None
    assert await store.write(lambda t: t.access.lock_division(ORG, NORTH.id)) is None
    assert await store.write(lambda t: t.access.hold_division(ORG, NORTH.id)) is None
    assert await deleted(store) == [NORTH]
    assert await store.write(lambda t: t.access.lock_deleted_division(ORG, NORTH.id)) == NORTH
    locked = await store.write(lambda t: t.access.lock_deleted_division(OTHER_ORG, NORTH.id))
    assert locked is None


async def test_the_deleted_divisions_are_counted_and_come_by_name_in_parts(
    store: OpenStore,
) -> None:
    gone = [a_division(n, name=name) for n, name in ((2, "beta"), (3, "Alpha"), (4, "GAMMA"))]
    await store.write(put(HOME, *gone))
    for division in gone:
        await delete(store, division)
    assert await store.scan(lambda s: s.access.count_deleted_divisions(ORG)) == 3
    assert await store.scan(lambda s: s.access.count_deleted_divisions(OTHER_ORG)) == 0
    assert [division.name for division in await deleted(store)] == ["Alpha", "beta", "GAMMA"]
    assert [division.name for division in await deleted(store, 1, 1)] == ["beta"]
    assert await deleted(store, 3, 1) == []


async def test_a_deleted_divisions_name_is_free_and_it_comes_back_under_a_free_one(
    store: OpenStore,
) -> None:
    await store.write(put(HOME, NORTH))
    await delete(store, NORTH)
    await store.write(lambda t: t.access.add_division(a_division(3, name="NÖRTH")))
    await delete(store, a_division(3))
    await store.write(lambda t: t.access.add_division(a_division(4, name="nörth")))
    with pytest.raises(Conflict):
        await store.write(lambda t: t.access.replace_division(NORTH))
    assert len(await deleted(store)) == 2
    restored = msgspec.structs.replace(NORTH, name="North again")
    await store.write(lambda t: t.access.replace_division(restored))
    assert await store.read(lambda s: s.access.division(ORG, NORTH.id)) == restored
    assert [division.id for division in await deleted(store)] == [a_division(3).id]


async def test_a_divisions_grants_are_counted_and_come_oldest_first_in_parts(
    store: OpenStore,
) -> None:
    await grant(store, 2, ("r2", NORTH.id), ("r1", NORTH.id), ("r1", HOME.id), at=20)
    await grant(store, 1, ("r1", NORTH.id), ("r9", "*"), at=30)
    await grant(store, 3, ("r1", NORTH.id), at=10)

    async def found(offset: int = 0, limit: int | None = None, where: str = ORG) -> list[str]:
        grants = await store.scan(
            lambda s: s.access.grants_in_division(where, NORTH.id, offset, limit)
        )
        assert {grant.division_id for grant in grants} <= {NORTH.id}
        return [f"{int(grant.subject_id[-2:], 16)} {grant.role_id}" for grant in grants]

    assert await found() == ["3 r1", "2 r1", "2 r2", "1 r1"]
    assert await found(1, 2) == ["2 r1", "2 r2"]
    assert await found(4, 2) == []
    assert await found(where=OTHER_ORG) == []
    for where, division_id, count in ((ORG, NORTH.id, 4), (ORG, "*", 1), (OTHER_ORG, NORTH.id, 0)):
        counted = await store.scan(lambda s: s.access.count_grants_in_division(where, division_id))
        assert counted == count


async def test_with_a_division_every_grant_in_it_goes_and_every_holder_is_told(
    store: OpenStore,
) -> None:
    await store.write(put(HOME, NORTH))
    await grant(store, 1, ("r1", NORTH.id), ("r2", NORTH.id), ("r1", HOME.id))
    await grant(store, 2, ("r1", NORTH.id))
    await grant(store, 3, ("r1", "*"))
    before = (await news(store)).number
    await delete(store, NORTH)
    held = await store.read(lambda s: s.access.grants_of_subjects(an_id(n) for n in (1, 2, 3)))
    assert {subject: [g.division_id for g in grants] for subject, grants in held.items()} == {
        an_id(1): [HOME.id],
        an_id(2): [],
        an_id(3): ["*"],
    }
    changed = (await news(store, before)).entities
    assert set(changed or ()) == {("grants", an_id(1)), ("grants", an_id(2))}
    await store.write(lambda t: t.access.replace_division(NORTH))
    assert await store.scan(lambda s: s.access.grants_in_division(ORG, NORTH.id)) == []


@pytest.mark.parametrize("turn", range(4))
async def test_a_division_that_is_held_or_locked_never_ends_with_grants_and_deleted(
    store: OpenStore, second_store: OpenStore, turn: int
) -> None:
    await store.write(put(HOME, NORTH))

    def give(subject: int) -> "asyncio.Future[bool]":
        def work(t: Transaction) -> bool:
            if t.access.hold_division(ORG, NORTH.id) is None:
                return False
            wanted = [Assignment("r1", NORTH.id)]
            t.access.set_grants(ORG, an_id(subject), SubjectKind.CLIENT, wanted, 10)
            return True

        return asyncio.ensure_future(patiently(store, work))

    def take() -> "asyncio.Future[bool]":
        def work(t: Transaction) -> bool:
            division = t.access.lock_division(ORG, NORTH.id)
            if division is not None:
                t.access.delete_division(division, 50)
            return division is not None

        return asyncio.ensure_future(patiently(second_store, work))

    given = [give(number) for number in range(turn)]
    taken = take()
    given += [give(number) for number in range(turn, 6)]

    await asyncio.gather(*given, taken)

    assert taken.result()
    assert await store.scan(lambda s: s.access.grants_in_division(ORG, NORTH.id)) == []
    assert not await give(7)
