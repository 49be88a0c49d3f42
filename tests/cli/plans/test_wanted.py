"""What a file may say, and how all that is wrong with it is told at once."""

from pathlib import Path
from typing import Any

import pytest

from grantory.cli.plans.document import MOST_BYTES, format_of, read_document
from grantory.cli.plans.entries import Entry, Held
from grantory.cli.plans.faults import Faults
from grantory.cli.plans.wanted import MOST_ENTRIES, entries_of
from grantory.errors import SetupError


def read(document: Any) -> list[Entry]:
    faults = Faults("f")
    entries = entries_of(document, faults)
    faults.tell()
    return entries


def refused(document: Any) -> list[str]:
    with pytest.raises(SetupError) as told:
        read(document)
    return str(told.value).splitlines()


def of_text(folder: Path, text: str | bytes, name: str = "f.yaml") -> Any:
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_document(str(file), format_of(name, None), Faults(name))


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    as_yaml = """
divisions: [{name: North}]
clients:
  - name: nightly
    delete_at: 2030-01-31T12:00:00Z
    roles: [{role: Exporter, division: North}, Exporter]
"""
    as_toml = """
[[divisions]]
name = "North"
[[clients]]
name = "nightly"
delete_at = 2030-01-31T13:00:00+01:00
roles = [{role = "Exporter", division = "North"}, "Exporter"]
"""
    as_json = """{"divisions": [{"name": "North"}], "clients": [{"name": "nightly",
        "delete_at": "2030-01-31T12:00:00", "roles":
        [{"role": "Exporter", "division": "North"}, {"role": "Exporter"}]}]}"""
    wanted = read(of_text(tmp_path, as_yaml, "f.yml"))
    assert wanted == read(of_text(tmp_path, as_toml, "f.toml"))
    assert wanted == read(of_text(tmp_path, as_json, "f.json"))
    assert [entry.place for entry in wanted] == ["divisions[0] (North)", "clients[0] (nightly)"]
    assert wanted[1].fields == {
        "delete_at": "2030-01-31T12:00:00.000Z",
        "roles": (Held("Exporter", "North"), Held("Exporter")),
    }


def test_sections_come_in_the_order_in_which_they_are_made() -> None:
    document = {"clients": [{"name": "c"}], "roles": [{"name": "r"}], "divisions": [{"name": "d"}]}
    assert [entry.name for entry in read(document)] == ["d", "r", "c"]


def test_fields_are_read_in_one_form() -> None:
    [client] = read(
        {
            "clients": [
                {
                    "name": "c",
                    "id": "3F0C",
                    "grant_type": "client_credentials",
                    "state": "Inactive",
                    "access_token_format": "jwt_eddsa",
                    "scopes": ["a", "b", "a"],
                    "description": "",
                    "token_seconds": 600,
                }
            ]
        }
    )
    assert client.id == "3f0c"
    assert client.fields == {
        "grant_type": "CLIENT-CREDENTIALS",
        "state": "inactive",
        "access_token_format": "JWT_EDDSA",
        "scopes": ("a", "b"),
        "description": "",
        "token_seconds": 600,
    }


def test_every_fault_is_told_with_its_entry_and_field() -> None:
    document = {
        "clients": [
            {"name": "a", "grant_type": "x", "tokenseconds": 1, "authorizedGrantType": "CODE"},
            {"name": "b", "token_seconds": True, "roles": [{"role": "r"}, {"division": "d"}]},
            {"name": 7, "scopes": "x", "client_secret": "hunter2"},
            {"absent": True, "name": "c", "description": "d"},
            {"description": None, "delete_at": "soon", "id": "../x"},
            "d",
        ],
        "roles": {"name": "r"},
        "rolls": [],
    }
    said = refused(document)
    assert said == [
        "f has 16 faults:",
        "  there is no 'rolls': it may be roles that is meant",
        "  roles: must be a list",
        "  clients[0] (a): grant_type: must be one of CLIENT-CREDENTIALS, CODE, TOKEN, "
        "SAML2-BEARER, PASSWORD",
        "  clients[0] (a): there is no 'tokenseconds': it may be token_seconds that is meant",
        "  clients[0] (a): there is no 'authorizedGrantType': it may be grant_type that is meant",
        "  clients[1] (b): token_seconds: must be a whole number from 300 to 38880000",
        "  clients[1] (b): roles: [1] role is missing",
        "  clients[2]: name: must be a text: write it in quotes",
        "  clients[2]: scopes: must be a list",
        "  clients[2]: 'client_secret' cannot stand there: files hold no secrets; that of a new "
        "client goes where --secret-to or --secret-dir says",
        "  clients[3] (c): absent: it is to be deleted, so that description says nothing",
        "  clients[4]: description: nothing stands there: leave it out to keep what there is, or "
        'write ""',
        "  clients[4]: delete_at: must be a date and time such as 2030-01-31T12:00:00Z",
        "  clients[4]: id: is no id",
        "  clients[4]: name is missing",
        "  clients[5]: must be a table",
    ]
    assert "hunter2" not in "\n".join(said)


def test_entries_that_mean_the_same_are_refused() -> None:
    assert len(refused({"roles": [{"name": "r"}, {"name": "r"}]})) == 3
    assert len(refused({"clients": [{"name": "r"}, {"name": "r", "id": "a"}]})) == 3
    assert len(refused({"clients": [{"name": "a", "id": "a"}, {"name": "b", "id": "A"}]})) == 3
    assert read({"clients": [{"name": "r", "id": "a"}, {"name": "r", "id": "b"}]})


def test_policies_are_read() -> None:
    policy = {"domain": "a", "entity": "b", "actions": ["c"], "resource_condition_node": {"x": 1}}
    [role] = read({"roles": [{"name": "r", "policies": [policy]}]})
    assert role.fields["policies"] == ({**policy, "actions": ("c",)},)
    for bad, said in (
        ({"domain": "a", "entityName": "b"}, "[0] there is no 'entityName': it may be entity"),
        ({"domain": "a", "entity": "b"}, "[0] actions is missing"),
        ({**policy, "allow_conditions": "yes"}, "[0] must be true or false"),
        ({**policy, "resource_condition_node": {"x": object()}}, "must hold texts"),
    ):
        assert said in refused({"roles": [{"name": "r", "policies": [bad]}]})[1]


def test_files_that_say_nothing_are_refused(tmp_path: Path) -> None:
    for text in ("", "{}", "[]", "word", "clients:"):
        with pytest.raises(SetupError, match=r"clients|at least one of"):
            read(of_text(tmp_path, text))


def test_many_faults_and_many_entries() -> None:
    said = refused({"clients": [{} for _ in range(100)]})
    assert (len(said), said[-1]) == (52, "  and 50 more")
    said = refused({"clients": [{str(n): 1 for n in range(100_000)}]})
    assert (len(said), said[0]) == (52, "f has 1000 faults or more:")
    said = refused({"clients": [{"name": str(n)} for n in range(MOST_ENTRIES + 1)]})
    assert said == [f"f: it has more than {MOST_ENTRIES} entries, which is the limit"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("f.toml", b"a = ", "no TOML"),
        ("f.toml", b"a = 1\na = 2", "no TOML"),
        ("f.toml", b"a = " + b"[" * 100_000, "levels"),
        ("f.toml", b"a = " + b"{a=" * 100_000, "levels"),
        ("f.toml", b"a" + b".a" * 60 + b" = 1", "levels"),
        ("f.toml", b"a" + b".a" * 2_000_000 + b" = 1", "levels"),
        ("f.toml", b"[a" + b" . 'a'" * 500_000 + b"]" + b"\nb = 1" * 10, "levels"),
        ("f.toml", b"a = {b" + b".a" * 2_000_000 + b" = 1}", "levels"),
        ("f.toml", b"a = " + b"9" * 1_000_000, "digits"),
        ("f.json", b'{"a": 1, "a": 2}', "repeated"),
        ("f.json", b"[" * 1_000_000, "levels"),
        ("f.json", b"NaN", "no JSON"),
        ("f.yaml", b"a: \xff", "not written in UTF-8"),
        ("f.yaml", b"#" * (MOST_BYTES + 1), "more than 4194304 bytes"),
    ],
)
def test_content_that_cannot_be_read_is_told(
    name: str, content: bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(SetupError, match=r"^f") as told:
        of_text(tmp_path, content, name)
    assert said in str(told.value)


def test_the_format_is_told_by_the_name_or_said() -> None:
    assert format_of("a.YML", None) == "yaml"
    assert format_of("-", "TOML") == "toml"
    for name, said in (("-", None), ("a.txt", None), ("a.toml", "ini")):
        with pytest.raises(SetupError, match="--format"):
            format_of(name, said)
