"""What an audit event says about a change."""

import msgspec

from grantory.domain.audit import PropertyChange, changed_properties
from grantory.domain.client import Client, ClientState, GrantType, Reference, SubjectKind

IGNORED = frozenset({"version", "modified_at"})


def client(**fields: object) -> Client:
    base = Client(
        id="c",
        organization_id="o",
        name="before",
        grant_type=GrantType.AUTHORIZATION_CODE,
        created_at=1,
        modified_at=1,
        redirect_uris=("https://a.example", "https://b.example"),
    )
    return msgspec.structs.replace(base, **fields)


def named(changes: tuple[PropertyChange, ...]) -> dict[str, tuple[list[object], list[object]]]:
    return {change.property: (change.old_values, change.new_values) for change in changes}


def test_a_change_lists_each_property_with_old_and_new_values() -> None:
    after = client(
        name="after",
        state=ClientState.DISABLED,
        redirect_uris=("https://b.example",),
        description="text",
        modified_by=Reference(SubjectKind.USER, "u"),
        version=2,
        modified_at=2,
    )
    assert named(changed_properties(client(), after, IGNORED)) == {
        "name": (["before"], ["after"]),
        "state": (["active"], ["disabled"]),
        "redirect_uris": (["https://a.example", "https://b.example"], ["https://b.example"]),
        "description": ([], ["text"]),
        "modified_by": ([], [{"kind": "user", "id": "u"}]),
    }


def test_what_did_not_change_is_not_listed() -> None:
    assert changed_properties(client(), client(version=9), IGNORED) == ()


def test_nothing_and_empty_are_the_same_to_a_reader() -> None:
    assert changed_properties(client(), client(description=""), IGNORED) == ()


def test_creating_lists_what_there_is_now_and_deleting_what_there_was() -> None:
    created = named(changed_properties(None, client(), IGNORED))
    deleted = named(changed_properties(client(), None, IGNORED))
    assert created["name"] == ([], ["before"])
    assert deleted["name"] == (["before"], [])
    assert set(created) == set(deleted)
    assert not {"version", "modified_at", "description", "scopes"} & set(created)


def test_nothing_to_nothing_is_no_change() -> None:
    assert changed_properties(None, None, IGNORED) == ()


def test_the_wire_form_is_the_platforms() -> None:
    change = PropertyChange("name", ["a"], ["b"])
    assert msgspec.json.decode(msgspec.json.encode(change)) == {
        "property": "name",
        "oldValues": ["a"],
        "newValues": ["b"],
    }
