"""Identity providers at the command line, and from the settings file when the server starts."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.fixtures import FreshServer
from tests.support.saml import signer
from tests.support.server import command_line
from tests.support.stores import NamedStore

GROUP = "identity-providers"
PEM = signer().certificate


@pytest.fixture
def store(named_store: NamedStore) -> NamedStore:
    """One organisation; the provider's certificate lies in ``idp.pem``."""
    named_store.good("init", "--json", "--name", "Example Ltd")
    (named_store.folder / "idp.pem").write_text(PEM)
    return named_store


def listed(store: NamedStore, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(store.good(GROUP, "list", "--json", *options))
    return found


ADD = (GROUP, "add", "Okta", "--issuer", "urn:okta", "--certificate", "idp.pem")


def test_a_provider_is_added_listed_and_removed(store: NamedStore) -> None:
    assert "trusts no identity provider" in store.good(GROUP, "list")
    more = ("--audience", "urn:a", "--audience", "urn:b", "--recipient", "https://r.example.com")
    made = json.loads(store.good(*ADD, *more, "--email-attribute", "mail", "--disabled", "--json"))
    assert made == {
        "id": made["id"],
        "name": "Okta",
        "issuer": "urn:okta",
        "certificates": [PEM],
        "audiences": ["urn:a", "urn:b"],
        "recipients": ["https://r.example.com"],
        "email_attribute": "mail",
        "enabled": False,
    }
    assert listed(store) == [made]
    assert store.good(GROUP, "list") == f"{made['id']}  Okta  urn:okta  (disabled)\n"
    assert store.good(GROUP, "remove", "OKTA") == "Okta is removed\n"
    assert listed(store) == []
    (identity,) = store.good(*ADD).split()[:1]
    assert store.good(GROUP, "remove", identity) == "Okta is removed\n"


def test_what_is_wrong_is_one_sentence(store: NamedStore) -> None:
    store.good(*ADD)
    store.refused(*ADD, said="name is taken by another identity provider")
    store.refused(*ADD[:-1], "none.pem", said="cannot read none.pem")
    (store.folder / "bad.pem").write_text("x")
    bad = (GROUP, "add", "b", "--issuer", "urn:b", "--certificate", "bad.pem")
    store.refused(*bad, said="certificates must be one X.509 certificate in PEM (1)")
    (store.folder / "bad.pem").write_bytes(b"\xff")
    store.refused(*bad, said="bad.pem is no certificate in PEM")
    store.refused(GROUP, "remove", "nobody", said="no identity provider 'nobody'")
    store.good("org", "create", "Second", "--json")
    store.refused(GROUP, "list", said="name the organisation with --org")
    assert len(listed(store, "--org", "Example Ltd")) == 1
    assert listed(store, "--org", "Second") == []


def test_without_a_store_it_says_so(file_store: NamedStore) -> None:
    file_store.refused(GROUP, "list", said="not set up")


CONFIG = """
[[identity_providers]]
name = "From file"
issuer = "urn:file"
certificate_files = ["keys/idp.pem"]
audiences = ["urn:a"]
email_attribute = "mail"

[[identity_providers]]
name = "Inline"
organization = "Grantory"
issuer = "urn:inline"
certificates = ['''{pem}''']
recipients = ["https://login.mypurecloud.com/saml"]
enabled = false
"""


def write(folder: Path, text: str) -> Path:
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "idp.pem").write_text(PEM)
    file = folder / "grantory.toml"
    file.write_text(text.replace("{pem}", PEM))
    return file


@pytest.mark.slow
def test_the_servers_start_registers_what_the_file_names(
    fresh_server: FreshServer, tmp_path: Path
) -> None:
    file, data = write(tmp_path, CONFIG), tmp_path / "data"
    path = "/api/v2/identityproviders"

    def start_and_look() -> dict[str, dict[str, Any]]:
        server = fresh_server("--config", str(file), data_dir=data)
        found = server.call("GET", path).json()["entities"]
        server.stop()
        return {each["name"]: each for each in found}

    first = start_and_look()
    assert {name: each["issuerURI"] for name, each in first.items()} == {
        "From file": "urn:file",
        "Inline": "urn:inline",
    }
    assert first["From file"]["certificates"] == first["Inline"]["certificates"] == [PEM]
    assert first["From file"]["emailAttribute"] == "mail"
    assert first["From file"]["audiences"] == ["urn:a"]
    assert (first["From file"]["disabled"], first["Inline"]["disabled"]) == (False, True)
    # What is there already is not written again; what differs is, and what is not named stays.
    file.write_text(
        file.read_text()
        .replace("urn:a", "urn:b")
        .partition('[[identity_providers]]\nname = "Inline')[0]
    )
    second = start_and_look()
    assert second["Inline"] == first["Inline"]
    assert second["From file"]["audiences"] == ["urn:b"]
    assert second["From file"]["version"] == 2
    assert second["From file"]["id"] == first["From file"]["id"]
    assert start_and_look() == second


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("identity_providers = 1", "identity_providers must be tables"),
        ("[identity_providers]\nname = 'a'", "identity_providers must be tables"),
        ("[[identity_providers]]\nissuer = 'a'", "identity_providers[1]: name is missing"),
        ("[[identity_providers]]\nname = 'a'", "identity_providers[1]: issuer is missing"),
        ("[[identity_providers]]\nnom = 'a'", "identity_providers[1]: unknown key nom"),
        (
            "[[identity_providers]]\nname = 'a'\nissuer = 1",
            "identity_providers[1]: issuer must be a text",
        ),
        (
            "[[identity_providers]]\nname = 'a'\nissuer = 'b'\naudiences = 'c'",
            "identity_providers[1]: audiences must be a list of texts",
        ),
        (
            "[[identity_providers]]\nname = 'a'\nissuer = 'b'\nrecipients = [1]",
            "identity_providers[1]: recipients must be a list of texts",
        ),
        (
            "[[identity_providers]]\nname = 'a'\nissuer = 'b'\nenabled = 'yes'",
            "identity_providers[1]: enabled must be true or false",
        ),
        (
            "[[identity_providers]]\nname = 'a'\nissuer = 'b'\ncertificate_files = ['none.pem']",
            "none.pem: No such file",
        ),
    ],
)
def test_a_bad_table_is_named(file_store: NamedStore, text: str, said: str) -> None:
    file = write(file_store.folder, text)
    file_store.refused("config", "show", "--config", str(file), said=said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("urn:file", ""), "identity provider 'From file': issuer must be 1 to 1024"),
        (('"Grantory"', '"Nobody"'), "identity provider 'Inline': there is no organisation"),
        (("urn:inline", "urn:file"), "identity provider 'Inline': issuer is taken by another"),
        (('["keys/idp.pem"]', "[]"), "certificates must be 1 to 10 certificates"),
    ],
)
def test_a_provider_that_cannot_be_registered_stops_the_start(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    file = write(tmp_path, CONFIG.replace(*change))
    arguments = ("serve", "--port", "0", "--data-dir", "data", "--config", str(file))
    result = command_line(*arguments, folder=tmp_path)
    assert result.returncode == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_settings_are_shown_with_what_the_file_names(file_store: NamedStore) -> None:
    file = str(write(file_store.folder, CONFIG))
    shown = json.loads(file_store.good("config", "show", "--config", file, "--json"))
    assert [each["name"] for each in shown["identity_providers"]] == ["From file", "Inline"]
    text = file_store.good("config", "show", "--config", file)
    assert '[[identity_providers]]\nname = "Inline"' in text
