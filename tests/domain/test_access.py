"""The algebra of rights: who may give what away."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.domain.access import (
    ANY,
    EVERY_DIVISION,
    Assignment,
    Grant,
    Policy,
    Right,
    Rights,
    Role,
    is_permission,
    is_permission_part,
    rights_of,
    rights_of_role,
)
from grantory.domain.client import SubjectKind

names = st.sampled_from(["oauth", "client", "view", "add", "role", ANY])
divisions = st.sampled_from(["d1", "d2", EVERY_DIVISION])
conditions = st.sampled_from(["", '{"allowConditions":true}', '{"namedResources":["a"]}'])
rights = st.builds(Right, names, names, names, divisions, conditions)
plain_rights = st.builds(Right, names, names, names, divisions)


@given(rights)
def test_covering_is_reflexive(right: Right) -> None:
    assert right.covers(right)


@given(rights, rights, rights)
def test_covering_is_transitive(a: Right, b: Right, c: Right) -> None:
    if a.covers(b) and b.covers(c):
        assert a.covers(c)


@given(rights, rights)
def test_two_rights_that_cover_each_other_are_the_same(a: Right, b: Right) -> None:
    if a.covers(b) and b.covers(a):
        assert a == b


@given(rights, rights)
def test_covering_goes_part_by_part_and_a_wildcard_is_never_covered_by_a_name(
    a: Right, b: Right
) -> None:
    parts = [(a.domain, b.domain), (a.entity, b.entity), (a.action, b.action)]
    parts.append((a.division_id, b.division_id))
    by_part = all(have in ("*", want) for have, want in parts)
    assert a.covers(b) == (by_part and a.condition in ("", b.condition))


@given(rights)
def test_everything_everywhere_covers_all(right: Right) -> None:
    assert Right("*", "*", "*", "*").covers(right)
    assert Right("*", "*", "*", "*", "c").covers(right) == (right.condition == "c")


@given(st.sets(st.text("abc", min_size=1, max_size=3), max_size=20))
def test_no_list_of_actions_covers_the_wildcard(actions: set[str]) -> None:
    held = Rights(Right("oauth", "client", action, EVERY_DIVISION) for action in actions)
    wildcard = Right("oauth", "client", ANY, "d1")
    assert list(held.lacking([wildcard])) == [wildcard]


@given(st.sets(st.text("abc", min_size=1, max_size=3), max_size=20))
def test_no_list_of_divisions_covers_every_division(listed: set[str]) -> None:
    held = Rights(Right("oauth", "client", "view", division) for division in listed)
    everywhere = Right("oauth", "client", "view", EVERY_DIVISION)
    assert list(held.lacking([everywhere])) == [everywhere]


@pytest.mark.parametrize(
    ("held", "wanted", "covered"),
    [
        (("oauth", "client", "view", "d1"), ("oauth", "client", "view", "d1"), True),
        (("oauth", "client", "view", "d1"), ("oauth", "client", "view", "d2"), False),
        (("oauth", "client", "view", "*"), ("oauth", "client", "view", "d2"), True),
        (("oauth", "client", "*", "d1"), ("oauth", "client", "view", "d1"), True),
        (("oauth", "*", "view", "d1"), ("oauth", "client", "view", "d1"), True),
        (("oauth", "*", "view", "d1"), ("oauth", "client", "add", "d1"), False),
        (("oauth", "*", "view", "d1"), ("oauth", "*", "*", "d1"), False),
        (("*", "client", "view", "d1"), ("oauth", "client", "view", "d1"), True),
        (("routing", "*", "*", "*"), ("oauth", "client", "view", "d1"), False),
        (("oauth", "client", "view", "*", "c"), ("oauth", "client", "view", "*", "c"), True),
        (("oauth", "client", "view", "*", "c"), ("oauth", "client", "view", "*", "d"), False),
        (("oauth", "client", "view", "*", "c"), ("oauth", "client", "view", "*"), False),
        (("oauth", "client", "view", "*"), ("oauth", "client", "view", "*", "c"), True),
    ],
)
def test_what_covers_what(held: tuple[str, ...], wanted: tuple[str, ...], covered: bool) -> None:
    assert Right(*held).covers(Right(*wanted)) is covered


@given(st.lists(rights, max_size=8), st.lists(rights, max_size=8))
def test_lacking_names_just_what_no_single_right_covers(
    held: list[Right], needed: list[Right]
) -> None:
    lacking = list(Rights(held).lacking(needed))
    assert set(lacking) == {n for n in needed if not any(h.covers(n) for h in held)}
    assert lacking == [n for n in needed if n in set(lacking)]


@given(st.lists(plain_rights, max_size=6))
def test_an_operation_is_allowed_by_a_grant_in_any_division(held: list[Right]) -> None:
    allowed = Rights(held).allows_any(("oauth:client:view",))
    assert allowed == any(
        h.covers(Right("oauth", "client", "view", division))
        for h in held
        for division in ("d1", "d2", EVERY_DIVISION)
    )


def test_a_conditional_right_allows_no_operation() -> None:
    held = Rights([Right("oauth", "client", "view", EVERY_DIVISION, "condition")])
    assert not held.allows_any(("oauth:client:view",))


def test_any_one_of_an_operations_permissions_suffices_and_no_other_answer_sticks() -> None:
    held = Rights([Right("oauth", "client", "view", "d1")])
    for _ in range(2):
        assert held.allows_any(("oauth:client:edit", "oauth:client:view"))
        assert not held.allows_any(("oauth:client:edit", "oauth:client:add"))
        assert not held.allows_any(("oauth:client:edit",))
        assert held.allows_any(("oauth:client:view",))


def role(role_id: str, *policies: Policy, permissions: tuple[str, ...] = ()) -> Role:
    return Role(
        id=role_id,
        organization_id="o",
        name=role_id,
        policies=policies,
        permissions=permissions,
        created_at=0,
        modified_at=0,
    )


def test_a_roles_policies_and_texts_give_rights_in_the_granted_division() -> None:
    conditional = Policy(domain="routing", entity="queue", actions=("view",), condition="c")
    plain = Policy(domain="oauth", entity="client", actions=("view", "add"))
    given_rights = rights_of_role(
        (conditional, plain), ("directory:user:*", "group_creation"), "d1"
    )
    assert set(given_rights) == {
        Right("routing", "queue", "view", "d1", "c"),
        Right("oauth", "client", "view", "d1"),
        Right("oauth", "client", "add", "d1"),
        Right("directory", "user", "*", "d1"),
        Right("group_creation", "", "", "d1"),
    }


def test_an_old_permission_allows_nothing_but_must_be_held_to_be_given_away() -> None:
    held = Rights(rights_of_role((), ("oauth",), EVERY_DIVISION))
    assert not held.allows_any(("oauth:client:view",))
    assert list(held.lacking(rights_of_role((), ("oauth",), "d1"))) == []
    assert list(Rights(()).lacking(rights_of_role((), ("oauth",), "d1")))


def test_assignments_of_roles_that_are_gone_give_nothing() -> None:
    viewer = role("viewer", Policy(domain="oauth", entity="client", actions=("view",)))
    held = [Assignment("viewer", "d1"), Assignment("gone", "*"), Assignment("viewer", "d2")]
    assert set(rights_of(held, {"viewer": viewer})) == {
        Right("oauth", "client", "view", "d1"),
        Right("oauth", "client", "view", "d2"),
    }


def test_a_grants_assignment_is_its_role_and_division() -> None:
    grant = Grant(
        organization_id="o",
        subject_id="s",
        subject_kind=SubjectKind.CLIENT,
        role_id="r",
        division_id="d",
        granted_at=1,
    )
    assert grant.assignment == Assignment("r", "d")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("oauth:client:view", True),
        ("oauth:client:*", True),
        ("*:*:*", True),
        ("group_creation", True),
        ("a.b-c_d:E:f0", True),
        ("", False),
        ("*", False),
        ("oauth:client", False),
        ("oauth:client:view:more", False),
        ("oauth::view", False),
        ("oauth:client:vi ew", False),
        ("oauth:client:view\n", False),
        ("oauth:client:v*", False),
        ("1oauth:client:view", False),
        ("oäuth:client:view", False),
        ("a" * 65 + ":b:c", False),
    ],
)
def test_what_is_a_permission(text: str, good: bool) -> None:
    assert is_permission(text) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [("view", True), ("*", True), ("", False), ("a:b", False), ("**", False), ("view\n", False)],
)
def test_what_is_a_part_of_a_permission(text: str, good: bool) -> None:
    assert is_permission_part(text) is good
