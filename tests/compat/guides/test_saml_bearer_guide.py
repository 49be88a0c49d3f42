"""docs/guides/saml-bearer.md, as it stands, with an identity provider that signs for real."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from lxml import etree

from tests.compat.arrange import make_code_client, token_with
from tests.compat.assertions import assertion, fresh
from tests.compat.guides.guide import (
    Guide,
    at_ports,
    node_program,
    python_program,
    register,
    shell,
)
from tests.support.fixtures import FreshServer
from tests.support.saml import ISSUER, How, encoded, sign, signed_assertion, signer
from tests.support.saml import assertion as unsigned
from tests.support.server import Reply, RunningServer, basic

pytestmark = pytest.mark.compat
GUIDE = Guide("saml-bearer")
BY_COMMAND, REGISTER, BY_CURL = (GUIDE.block("sh", number) for number in (1, 2, 3))
BY_API, IN_PYTHON = GUIDE.block("python"), GUIDE.block("python", 2)
IN_FILE, ASSERTION, IN_JAVASCRIPT = GUIDE.block("toml"), GUIDE.block("xml"), GUIDE.block("js")
PLACE = '<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="placeholder"/>'


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("guide")
    (made / "idp.pem").write_text(signer().certificate)
    return made


@pytest.fixture(scope="module")
def trusting(folder: Path) -> Iterator[RunningServer]:
    """A server that trusts the provider by its settings file."""
    file = folder / "grantory.toml"
    file.write_text(IN_FILE)
    with RunningServer("--config", str(file)) as running:
        yield running


@pytest.fixture(scope="module")
def client(trusting: RunningServer, folder: Path) -> dict[str, str]:
    """The client: what the programs find in their environment."""
    made = register(REGISTER, trusting, folder, 0)
    name = trusting.first_start["organization"]["name"]
    own = {"CLIENT_ID": made["id"], "CLIENT_SECRET": made["secret"]}
    return {**own, "ORGANIZATION": name}


def as_in_the_guide(server: RunningServer) -> str:
    """The guide's assertion, for the administrator and this moment, signed."""
    now = datetime.now(UTC)
    text = at_ports(ASSERTION, server)
    for old, new in (
        ("_9f2c7a51", f"_{uuid4()}"),
        ("ann@example.com", server.first_start["admin"]["email"]),
        ("2026-01-01T12:00:00Z", f"{now:%Y-%m-%dT%H:%M:%SZ}"),
        ("2026-01-01T12:05:00Z", f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"),
        ("</saml:Issuer>", f"</saml:Issuer>{PLACE}"),
    ):
        assert old in text
        text = text.replace(old, new)
    return encoded(sign(etree.fromstring(text), signer(), How()))


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_the_programs(trusting: RunningServer, client: dict[str, str], folder: Path) -> None:
    email = trusting.first_start["admin"]["email"]
    for program, code in ((python_program, IN_PYTHON), (node_program, IN_JAVASCRIPT)):
        said = program(code, trusting, folder, **client, ASSERTION=as_in_the_guide(trusting))
        assert said.strip() == email
    said = shell(BY_CURL, trusting, folder, **client, ASSERTION=as_in_the_guide(trusting))
    answer = json.loads(said)
    assert set(answer) == {"access_token", "token_type", "expires_in"}
    me = trusting.call("GET", "/api/v2/users/me", token=answer["access_token"])
    assert me.json()["email"] == email


def test_a_provider_is_registered_by_command_and_by_api(
    fresh_server: FreshServer, folder: Path
) -> None:
    server = fresh_server()
    shell(BY_COMMAND, server, folder, GRANTORY_DATA_DIR=str(server.data_dir))
    listed = server.call("GET", "/api/v2/identityproviders").json()["entities"]
    assert [provider["issuerURI"] for provider in listed] == [ISSUER]
    path = f"/api/v2/identityproviders/{listed[0]['id']}"
    assert server.call("DELETE", path).status == 204
    own = {"GRANTORY_CLIENT_ID": server.client_id, "GRANTORY_CLIENT_SECRET": server.client_secret}
    provider_id = python_program(BY_API, server, folder, **own).strip()
    made = server.call("GET", f"/api/v2/identityproviders/{provider_id}").json()
    assert {key: made[key] for key in ("name", "issuerURI", "certificates")} == {
        key: listed[0][key] for key in ("name", "issuerURI", "certificates")
    }


def ask(server: RunningServer, client_id: str, secret: str, text: str, **form: str) -> Reply:
    """Ask for a token with an assertion."""
    values = {"grant_type": "urn:ietf:params:oauth:grant-type:saml2-bearer", "assertion": text}
    return server.request(
        "POST",
        "/oauth/token",
        body=urlencode({**values, **form}).encode(),
        headers={
            "Authorization": basic(client_id, secret),
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )


def test_the_log_tells_what_is_wrong_with_an_assertion(
    trusting: RunningServer, client: dict[str, str]
) -> None:
    used, past = assertion(trusting, ISSUER), datetime.now(UTC) - timedelta(minutes=5)
    own = client["CLIENT_ID"], client["CLIENT_SECRET"]
    assert ask(trusting, *own, used).status == 200
    other = "https://another.example.com"
    ended = {"ends": None, "confirmation_ends": int(past.timestamp() * 1000)}
    for text, form, said in (
        (used, {}, "it was used before"),
        (assertion(trusting, other), {}, "the Issuer is not trusted by the client's organisation"),
        (assertion(trusting, ISSUER, audiences=(other,)), {}, "the Audience is another"),
        (assertion(trusting, ISSUER, recipient=other), {}, "the Recipient is another"),
        (assertion(trusting, ISSUER, **ended), {}, "NotOnOrAfter has passed"),
        (assertion(trusting, ISSUER, email="x@y.z"), {}, "no user has the e-mail address"),
        (
            assertion(trusting, ISSUER, email="ann"),
            {},
            "the subject is not named by an e-mail address",
        ),
        (encoded(unsigned(**fresh(trusting, ISSUER))), {}, "it is not signed"),
        (
            assertion(trusting, ISSUER),
            {"orgName": "another"},
            "orgName is not that of the client's organisation",
        ),
        (assertion(trusting, ISSUER).replace("A", " A") + "!", {}, "it is not base64"),
    ):
        reply = ask(trusting, *own, text, **form)
        answer = reply.json()
        assert (reply.status, answer["error"]) == (400, "invalid_grant")
        assert answer["error_description"] in " ".join(GUIDE.text.split())
        assert GUIDE.names(said)
        trusting.wait_for_log(f"assertion: {said}")


def test_a_disabled_provider_is_believed_nothing(
    trusting: RunningServer, client: dict[str, str]
) -> None:
    issuer = "https://disabled.example.com"
    body = {"name": "off", "issuerURI": issuer, "certificate": signer().certificate}
    made = trusting.call("POST", "/api/v2/identityproviders", {**body, "disabled": True})
    assert made.status == 200
    text = encoded(signed_assertion(**fresh(trusting, issuer)))
    reply = ask(trusting, client["CLIENT_ID"], client["CLIENT_SECRET"], text)
    assert reply.status == 400
    assert GUIDE.names("the identity provider is disabled")
    trusting.wait_for_log("assertion: the identity provider is disabled")


def test_the_other_refusals_are_those_of_the_table(trusting: RunningServer) -> None:
    code = make_code_client(trusting)
    answer = ask(trusting, code["id"], code["secret"], assertion(trusting, ISSUER)).json()
    assert GUIDE.names(answer["error"], answer["error_description"])
    body = {"name": "idp", "issuerURI": "https://x.example.com"}
    good, old = signer().certificate, signer("old", last=2024).certificate
    weak = token_with(trusting, "sso:provider:add")
    for reply in (
        trusting.call(
            "POST", "/api/v2/identityproviders", {**body, "certificate": good}, token=weak
        ),
        trusting.call("POST", "/api/v2/identityproviders", {**body, "certificate": old}),
    ):
        assert GUIDE.names(reply.json()["code"]), reply.body
