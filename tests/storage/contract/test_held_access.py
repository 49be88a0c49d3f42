"""What a change looks at before it gives rights away is as it was committed last."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from grantory.domain.access import EVERY_DIVISION, Assignment, Right, Rights, rights_of
from grantory.domain.client import SubjectKind
from grantory.ports.storage import Snapshot, Transaction
from grantory.storage.database import OpenStore
from tests.support.entities import ORG, a_division, a_role, an_event, an_id

SUBJECT, OTHER = an_id(1), an_id(2)
HOME, DIVISION = a_division(1, home=True), a_division(2)
ROLE, OTHER_ROLE = a_role(1), a_role(2, permissions=("a:b:c",))
EVERYWHERE = Assignment(ROLE.id, EVERY_DIVISION)
HERE = Assignment(OTHER_ROLE.id, DIVISION.id)
Change = Callable[[Transaction], None]
Seen = tuple[Any, ...]
Look = Callable[[Transaction], Seen]


def _grants(subject: str, *assignments: Assignment) -> Change:
    return lambda t: t.access.set_grants(ORG, subject, SubjectKind.CLIENT, assignments, 10)


def begin(t: Transaction) -> None:
    for division in (HOME, DIVISION):
        t.access.add_division(division)
    for role in (ROLE, OTHER_ROLE):
        t.access.add_role(role)
    _grants(SUBJECT, EVERYWHERE, HERE)(t)
    _grants(OTHER, HERE)(t)


def replaced_role(**fields: Any) -> Change:
    return lambda t: t.access.replace_role(msgspec.structs.replace(ROLE, version=2, **fields))


def replaced_division(name: str) -> Change:
    return lambda t: t.access.replace_division(msgspec.structs.replace(DIVISION, name=name))


def renamed_home(t: Transaction) -> None:
    t.access.replace_division(msgspec.structs.replace(HOME, name="other"))


def more_grants(t: Transaction) -> None:
    t.access.add_grants(ORG, SUBJECT, SubjectKind.CLIENT, [Assignment(ROLE.id, HOME.id)], 11)


CHANGES: dict[str, Change] = {
    "a role loses its policies": replaced_role(policies=()),
    "a role gains permissions": replaced_role(permissions=("x:y:z",)),
    "a role gets another name": replaced_role(name="other"),
    "a role is deleted": lambda t: t.access.delete_role(ROLE),
    "a grant is taken": _grants(SUBJECT, HERE),
    "every grant is taken": _grants(SUBJECT),
    "a grant comes": _grants(SUBJECT, EVERYWHERE, HERE, Assignment(ROLE.id, HOME.id)),
    "grants are added": more_grants,
    "a division is deleted": lambda t: t.access.delete_division(DIVISION, 12),
    "a division gets another name": replaced_division("other"),
    "the home division gets another name": renamed_home,
}


def held(t: Transaction) -> Seen:
    """What a change would hold."""
    return (
        {*t.access.hold_rights(ORG, SUBJECT)},
        {*t.access.hold_rights(ORG, OTHER)},
        t.access.home_division(ORG),
        t.access.hold_division(ORG, DIVISION.id),
        t.access.hold_role(ORG, ROLE.id),
        t.access.hold_role(ORG, OTHER_ROLE.id),
    )


def there(s: Snapshot) -> Seen:
    """The same, as whoever holds nothing reads it."""

    def rights(subject: str) -> set[Right]:
        grants = s.access.grants_of(subject)
        roles = s.access.roles(ORG, (grant.role_id for grant in grants))
        return {*Rights(rights_of((grant.assignment for grant in grants), roles))}

    return (
        rights(SUBJECT),
        rights(OTHER),
        s.access.home_division(ORG),
        s.access.division(ORG, DIVISION.id),
        s.access.role(ORG, ROLE.id),
        s.access.role(ORG, OTHER_ROLE.id),
    )


def held_by_an_addition(t: Transaction) -> Seen:
    """What a change would hold that adds a row, which some stores do without asking before."""
    seen = held(t)
    t.audit.add(an_event())
    return seen


@pytest.fixture(params=[held, held_by_an_addition])
def look(request: pytest.FixtureRequest) -> Look:
    found: Look = request.param
    return found


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> Change:
    return CHANGES[request.param]


class Undone(Exception):
    """Ends a change, so that nothing of it is kept."""


async def test_a_change_here_is_seen(store: OpenStore, look: Look, change: Change) -> None:
    await store.write(begin)
    before = await store.write(look)
    assert before == await store.write(look) == await store.read(there)

    def changing(t: Transaction) -> Seen:
        assert held(t) == before
        change(t)
        return held(t)

    within = await store.write(changing)
    assert within != before
    assert within == await store.write(look) == await store.read(there)


async def test_a_change_by_another_process_is_seen(
    store: OpenStore, second_store: OpenStore, look: Look, change: Change
) -> None:
    await store.write(begin)
    before = await store.write(look)
    assert before == await second_store.write(look)
    await second_store.write(change)
    after = await store.write(look)
    assert after != before
    assert after == await store.read(there) == await second_store.write(look)


async def test_a_change_that_is_undone_is_not_seen(
    store: OpenStore, look: Look, change: Change
) -> None:
    await store.write(begin)
    before = await store.write(look)
    seen: list[Seen] = []

    def undone(t: Transaction) -> None:
        change(t)
        seen.append(held(t))
        raise Undone

    with pytest.raises(Undone):
        await store.write(undone)
    assert seen[0] != before
    assert await store.write(look) == before == await store.read(there)


async def test_what_was_not_there_is_seen_when_it_comes(
    store: OpenStore, second_store: OpenStore
) -> None:
    def absent(t: Transaction) -> Seen:
        return (
            {*t.access.hold_rights(ORG, SUBJECT)},
            t.access.hold_division(ORG, DIVISION.id),
            t.access.hold_role(ORG, ROLE.id),
        )

    for each in (store, second_store):
        assert await each.write(absent) == (set(), None, None)
    await second_store.write(begin)
    for each in (store, second_store):
        assert await each.write(held) == await each.read(there)


async def test_what_is_made_and_held_in_a_change_that_is_undone_is_not_there(
    store: OpenStore,
) -> None:
    def make(t: Transaction) -> None:
        begin(t)
        assert look(t)
        raise LookupError("as at the end of a dry run")

    def look(t: Transaction) -> list[object]:
        held = (
            t.access.hold_role(ORG, ROLE.id),
            t.access.hold_division(ORG, DIVISION.id),
            *t.access.hold_rights(ORG, SUBJECT),
        )
        return [each for each in held if each is not None]

    with pytest.raises(LookupError):
        await store.write(make)
    assert await store.write(look) == []
