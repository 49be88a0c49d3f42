"""What every store promises about roles, divisions and grants."""

import msgspec
import pytest

from grantory.domain.access import Assignment, Division, Grant, Policy, Role
from grantory.domain.client import SubjectKind
from grantory.errors import Conflict
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from tests.support.entities import ORG, OTHER_ORG, a_division, a_role, a_user, an_id, put

FULL = a_role(
    1,
    name="Röle",
    description="text",
    default_role_id="employee",
    built_in=True,
    version=4,
    permissions=("z:b:c", "group_creation"),
    policies=(
        Policy(domain="z", entity="e", actions=("b", "a"), name="n", description="d"),
        Policy(domain="a", entity="*", actions=("*",), condition='{"x":1}'),
    ),
)
SUBJECT = an_id(1)


async def set_grants(
    store: OpenStore,
    *assignments: tuple[str, str],
    at: int = 10,
    subject: str = SUBJECT,
    kind: SubjectKind = SubjectKind.CLIENT,
    organization: str = ORG,
) -> None:
    wanted = [Assignment(*assignment) for assignment in assignments]
    await store.write(lambda t: t.access.set_grants(organization, subject, kind, wanted, at))


async def held(store: OpenStore, subject: str = SUBJECT) -> list[tuple[str, str, int]]:
    grants = await store.read(lambda s: s.access.grants_of(subject))
    return [(grant.role_id, grant.division_id, grant.granted_at) for grant in grants]


@pytest.mark.parametrize("role", [FULL, a_role(1), a_role(1, policies=())])
async def test_a_role_comes_back_as_it_was_added(store: OpenStore, role: Role) -> None:
    await store.write(lambda t: t.access.add_role(role))
    assert await store.read(lambda s: s.access.role(ORG, an_id(1001))) == role
    assert await store.read(lambda s: s.access.roles(ORG, [an_id(1001)])) == {an_id(1001): role}
    assert await store.scan(lambda s: s.access.all_roles(ORG)) == [role]
    assert await store.write(lambda t: t.access.lock_role(ORG, an_id(1001))) == role


async def test_what_is_held_is_as_the_transaction_has_made_it(store: OpenStore) -> None:
    role, division = a_role(1), a_division(1)
    wider = msgspec.structs.replace(role, permissions=("a:b:c",), version=2)
    renamed = msgspec.structs.replace(division, name="other")

    def work(t: Transaction) -> list[Role | Division | None]:
        seen: list[Role | Division | None] = [t.access.hold_role(ORG, role.id)]
        t.access.add_role(role)
        t.access.add_division(division)
        for _ in range(2):
            seen += [t.access.hold_role(ORG, role.id), t.access.hold_role(OTHER_ORG, role.id)]
            seen += [t.access.hold_division(ORG, division.id)]
            seen += [t.access.hold_division(OTHER_ORG, division.id)]
        t.access.replace_role(wider)
        t.access.replace_division(renamed)
        seen += [t.access.hold_role(ORG, role.id), t.access.hold_division(ORG, division.id)]
        seen += [t.access.lock_role(ORG, role.id), t.access.hold_role(ORG, role.id)]
        t.access.delete_role(wider)
        t.access.delete_division(renamed, 7)
        return [*seen, t.access.hold_role(ORG, role.id), t.access.hold_division(ORG, division.id)]

    expected = [None, *([role, None, division, None] * 2), wider, renamed, wider, wider, None, None]
    assert await store.write(work) == expected
    assert await store.write(lambda t: t.access.hold_role(ORG, role.id)) is None


async def test_a_role_is_of_one_organisation(store: OpenStore) -> None:
    await store.write(lambda t: t.access.add_role(FULL))
    assert await store.read(lambda s: s.access.role(OTHER_ORG, FULL.id)) is None
    assert await store.read(lambda s: s.access.roles(OTHER_ORG, [FULL.id])) == {}
    assert await store.scan(lambda s: s.access.all_roles(OTHER_ORG)) == []
    assert await store.write(lambda t: t.access.lock_role(OTHER_ORG, FULL.id)) is None
    assert await store.read(lambda s: s.access.role_by_name(OTHER_ORG, FULL.name)) is None


async def test_those_roles_are_found_that_exist(store: OpenStore) -> None:
    await store.write(put(*(a_role(n) for n in (1, 2))))
    wanted = [an_id(1002), an_id(1009), an_id(1001), an_id(1002)]
    found = await store.read(lambda s: s.access.roles(ORG, wanted))
    assert found == {an_id(1001): a_role(1), an_id(1002): a_role(2)}
    assert await store.read(lambda s: s.access.roles(ORG, [])) == {}


async def test_roles_are_listed_by_name_whatever_its_case(store: OpenStore) -> None:
    roles = [a_role(1, name="beta"), a_role(2, name="Alpha"), a_role(3, name="GAMMA")]
    await store.write(put(*roles))
    listed = await store.scan(lambda s: s.access.all_roles(ORG))
    assert [role.name for role in listed] == ["Alpha", "beta", "GAMMA"]


@pytest.mark.parametrize("name", ["Röle", "RÖLE", "röle"])
async def test_a_roles_name_is_unique_whatever_its_case(store: OpenStore, name: str) -> None:
    await store.write(lambda t: t.access.add_role(FULL))
    assert await store.read(lambda s: s.access.role_by_name(ORG, name)) == FULL
    with pytest.raises(Conflict):
        await store.write(lambda t: t.access.add_role(a_role(2, name=name)))
    await store.write(lambda t: t.access.add_role(a_role(2)))
    with pytest.raises(Conflict):
        await store.write(lambda t: t.access.replace_role(a_role(2, name=name)))
    assert await store.read(lambda s: s.access.role(ORG, an_id(1002))) == a_role(2)
    elsewhere = a_role(3, name=name, organization_id=OTHER_ORG)
    await store.write(lambda t: t.access.add_role(elsewhere))


async def test_replacing_a_role_writes_its_contents_and_keeps_what_is_fixed(
    store: OpenStore,
) -> None:
    await store.write(put(FULL, a_role(2)))
    after = msgspec.structs.replace(
        FULL,
        name="New",
        description=None,
        permissions=(),
        policies=(Policy(domain="d", entity="e", actions=("x",)),),
        version=5,
        modified_at=99,
    )
    asked = msgspec.structs.replace(after, created_at=7, built_in=False, default_role_id=None)
    await store.write(lambda t: t.access.replace_role(asked))
    assert await store.read(lambda s: s.access.role(ORG, FULL.id)) == after
    assert await store.read(lambda s: s.access.role_by_name(ORG, "new")) == after
    assert await store.read(lambda s: s.access.role_by_name(ORG, FULL.name)) is None
    assert await store.read(lambda s: s.access.role(ORG, an_id(1002))) == a_role(2)


async def test_a_deleted_role_goes_with_every_grant_of_it_and_its_name_is_free(
    store: OpenStore,
) -> None:
    await store.write(put(a_role(1), a_role(2)))
    await set_grants(store, (an_id(1001), "*"), (an_id(1002), "*"))
    await set_grants(store, (an_id(1001), "d"), subject=an_id(2))
    await store.write(lambda t: t.access.delete_role(a_role(1)))
    assert await store.read(lambda s: s.access.role(ORG, an_id(1001))) is None
    assert await store.read(lambda s: s.access.grants_of_role(an_id(1001))) == []
    assert await held(store) == [(an_id(1002), "*", 10)]
    assert await held(store, an_id(2)) == []
    assert await store.scan(lambda s: s.access.all_roles(ORG)) == [a_role(2)]
    await store.write(lambda t: t.access.add_role(a_role(3, name="role 1", policies=())))
    assert (await store.scan(lambda s: s.access.all_roles(ORG)))[0].policies == ()


async def test_divisions_are_found_by_id_listed_by_name_and_one_is_home(store: OpenStore) -> None:
    home = a_division(1, name="beta", home=True, description="text")
    other = a_division(2, name="Alpha")
    elsewhere = a_division(3, organization_id=OTHER_ORG, home=True)
    await store.write(put(home, other, elsewhere))
    assert await store.read(lambda s: s.access.division(ORG, home.id)) == home
    assert await store.read(lambda s: s.access.division(OTHER_ORG, home.id)) is None
    assert await store.read(lambda s: s.access.division(ORG, an_id(5))) is None
    assert await store.scan(lambda s: s.access.divisions(ORG)) == [other, home]
    assert await store.read(lambda s: s.access.home_division(ORG)) == home
    assert await store.read(lambda s: s.access.home_division(OTHER_ORG)) == elsewhere


async def test_a_divisions_name_is_unique_in_its_organisation(store: OpenStore) -> None:
    await store.write(lambda t: t.access.add_division(a_division(1, name="North")))
    with pytest.raises(Conflict):
        await store.write(lambda t: t.access.add_division(a_division(2, name="NORTH")))
    elsewhere = a_division(3, name="North", organization_id=OTHER_ORG)
    await store.write(lambda t: t.access.add_division(elsewhere))
    assert await store.scan(lambda s: s.access.divisions(ORG)) == [a_division(1, name="North")]


async def test_an_organisation_without_home_division_is_an_error(store: OpenStore) -> None:
    with pytest.raises(LookupError):
        await store.read(lambda s: s.access.home_division(ORG))


async def test_a_subject_holds_exactly_what_was_set_last(store: OpenStore) -> None:
    await set_grants(store, ("r1", "*"), ("r1", "d"), ("r2", "*"))
    assert set(await held(store)) == {("r1", "*", 10), ("r1", "d", 10), ("r2", "*", 10)}
    await set_grants(store, ("r3", "*"), at=20)
    assert await held(store) == [("r3", "*", 20)]
    await set_grants(store, at=30)
    assert await held(store) == []


async def test_grants_that_stay_keep_their_time_and_come_oldest_first(store: OpenStore) -> None:
    await set_grants(store, ("r9", "d"), at=10)
    await set_grants(store, ("r1", "d"), ("r9", "d"), at=20)
    await set_grants(store, ("r1", "d"), ("r5", "d"), ("r9", "d"), at=30)
    assert await held(store) == [("r9", "d", 10), ("r1", "d", 20), ("r5", "d", 30)]
    await set_grants(store, ("r5", "d"), at=40)
    await set_grants(store, ("r5", "d"), ("r9", "d"), at=50)
    assert await held(store) == [("r5", "d", 30), ("r9", "d", 50)]


async def test_an_assignment_named_twice_is_held_once(store: OpenStore) -> None:
    await set_grants(store, ("r1", "*"), ("r1", "*"))
    assert await held(store) == [("r1", "*", 10)]


async def test_setting_one_subjects_grants_touches_no_others(store: OpenStore) -> None:
    await set_grants(store, ("r1", "*"), subject=an_id(1))
    await set_grants(store, ("r1", "*"), ("r2", "d"), subject=an_id(2))
    await set_grants(store, subject=an_id(1))
    found = await store.read(lambda s: s.access.grants_of_subjects([an_id(1), an_id(2), an_id(3)]))
    assert [grant.assignment for grant in found.get(an_id(1), [])] == []
    assert [g.assignment for g in found[an_id(2)]] == [
        Assignment("r1", "*"),
        Assignment("r2", "d"),
    ]
    assert not found.get(an_id(3))


async def test_a_grant_comes_back_whole(store: OpenStore) -> None:
    await set_grants(store, ("r1", "d"), at=2**42, kind=SubjectKind.USER)
    grant = Grant(
        organization_id=ORG,
        subject_id=SUBJECT,
        subject_kind=SubjectKind.USER,
        role_id="r1",
        division_id="d",
        granted_at=2**42,
    )
    assert await store.read(lambda s: s.access.grants_of(SUBJECT)) == [grant]
    assert await store.read(lambda s: s.access.grants_of_role("r1")) == [grant]


async def test_a_roles_grants_are_those_of_every_subject(store: OpenStore) -> None:
    await set_grants(store, ("r1", "*"), ("r1", "d"), ("r2", "*"), subject=an_id(1))
    await set_grants(store, ("r1", "*"), subject=an_id(2), kind=SubjectKind.USER)
    grants = await store.read(lambda s: s.access.grants_of_role("r1"))
    assert {(g.subject_id, g.division_id) for g in grants} == {
        (an_id(1), "*"),
        (an_id(1), "d"),
        (an_id(2), "*"),
    }
    assert await store.read(lambda s: s.access.grants_of_role("r9")) == []


async def test_holders_are_users_counted_once_each(store: OpenStore) -> None:
    one, two = a_user(1).id, a_user(2).id
    await set_grants(store, ("r1", "*"), ("r1", "d"), subject=one, kind=SubjectKind.USER)
    await set_grants(store, ("r1", "d"), ("r2", "d"), subject=two, kind=SubjectKind.USER)
    await set_grants(store, ("r1", "*"), ("r3", "*"), subject=SUBJECT)
    user = SubjectKind.USER
    await set_grants(store, ("r4", "*"), subject=an_id(77), kind=user, organization=OTHER_ORG)
    assert await store.scan(lambda s: s.access.holders_by_role(ORG)) == {"r1": 2, "r2": 1}
    assert await store.scan(lambda s: s.access.holders_by_role(OTHER_ORG)) == {"r4": 1}
