"""The life of a client and a role in Terraform: made, left alone, changed, adopted, ended."""

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    home_division,
    make_code_client,
    make_role,
    stored,
    unique,
)
from tests.compat.sdk import Document
from tests.compat.terraform.conftest import NewFolder
from tests.compat.terraform.working_folder import CHANGES, NOTHING_TO_DO, WorkingFolder
from tests.support.server import RunningServer

pytestmark = pytest.mark.timeout(900)

ROLE = "genesyscloud_auth_role.reader"
EXPORTER = "genesyscloud_oauth_client.exporter"
HOME = "genesyscloud_oauth_client.home"
PORTAL = "genesyscloud_oauth_client.portal"


def stored_role(server: RunningServer, role_id: str) -> Document:
    reply = server.call("GET", f"/api/v2/authorization/roles/{role_id}")
    assert reply.status == 200
    document = reply.json()
    assert isinstance(document, dict)
    return document


def statuses(server: RunningServer, *paths: str) -> list[int]:
    return [server.call("GET", path).status for path in paths]


# -------------------------------------------------------------------------------- apply


def test_apply_makes_what_is_written(applied: WorkingFolder, server: RunningServer) -> None:
    made = applied.resources()
    role_id = made[ROLE]["id"]
    exporter, home, portal = (stored(server, made[name]["id"]) for name in (EXPORTER, HOME, PORTAL))

    role = stored_role(server, role_id)
    assert role["name"].endswith(" reader")
    assert role["description"] == "Reads clients and roles."
    policies = {
        f"{policy['domain']}:{policy['entityName']}": sorted(policy["actionSet"])
        for policy in role["permissionPolicies"]
    }
    assert policies == {"oauth:client": ["view"], "authorization:role": ["add", "view"]}
    assert exporter["description"] == "Exports at night."
    assert exporter["authorizedGrantType"] == "CLIENT-CREDENTIALS"
    assert exporter["accessTokenValiditySeconds"] == 3600
    assert exporter["roleDivisions"] == [{"roleId": role_id, "divisionId": EVERY_DIVISION}]
    assert home["roleDivisions"] == [{"roleId": role_id, "divisionId": home_division(server)}]
    assert (home["accessTokenValiditySeconds"], home["state"]) == (86400, "active")
    assert portal["authorizedGrantType"] == "CODE"
    assert sorted(portal["registeredRedirectUri"]) == [
        "http://127.0.0.1:8123/callback",
        "https://portal.example/callback",
    ]
    assert (portal["scope"], portal["state"]) == (["oauth:readonly"], "inactive")


def test_the_second_plan_is_empty(applied: WorkingFolder) -> None:
    assert applied.plan(status=NOTHING_TO_DO) == []


def test_every_command_gets_its_pool_of_ten_tokens(
    applied: WorkingFolder, server: RunningServer, terraform_client: Document
) -> None:
    def issued() -> int:
        # Every member of the pool asks for a token, and so does the provider itself.
        lines = server.log_text().splitlines()
        return sum(
            '"route":"/oauth/token"' in line
            and '"status":200' in line
            and terraform_client["id"] in line
            for line in lines
        )

    before = issued()
    applied.plan(status=NOTHING_TO_DO)
    assert issued() - before >= 11


# ------------------------------------------------------------------------------- secrets


def test_a_secret_is_in_the_state_only_where_it_was_asked_for(
    applied: WorkingFolder, server: RunningServer
) -> None:
    made = applied.resources()
    secret = (applied.secrets / made[EXPORTER]["id"]).read_text("utf-8")

    assert server.token(made[EXPORTER]["id"], secret)
    assert server.token(made[HOME]["id"], made[HOME]["client_secret"])
    assert made[EXPORTER]["client_secret"] == ""
    assert secret not in (applied.folder / "terraform.tfstate").read_text("utf-8")


def test_a_rotated_secret_changes_nothing_in_terraform(
    applied: WorkingFolder, server: RunningServer
) -> None:
    client_id = applied.resources()[HOME]["id"]
    rotated = server.call("POST", f"/api/v2/oauth/clients/{client_id}/secret")

    assert rotated.status == 200
    assert applied.plan(status=NOTHING_TO_DO) == []


# --------------------------------------------------------------------------------- names


def test_both_data_sources_find_by_name(
    applied: WorkingFolder, new_folder: NewFolder, server: RunningServer
) -> None:
    made = applied.resources()
    folder = new_folder(
        "lookup/names.tf", client_name=made[PORTAL]["name"], role_name=made[ROLE]["name"]
    )

    folder.apply()

    assert folder.outputs() == {"client_id": made[PORTAL]["id"], "role_id": made[ROLE]["id"]}


def test_a_name_that_nobody_has_is_an_error(
    applied: WorkingFolder, new_folder: NewFolder, server: RunningServer
) -> None:
    folder = new_folder(
        "lookup/names.tf", client_name=unique("nobody"), role_name=applied.resources()[ROLE]["name"]
    )

    printed = folder.run("plan", "-input=false", status=1)

    assert "Unable to locate a oauth client with name nobody" in " ".join(printed.split())


# -------------------------------------------------------------------------------- change


def test_the_grant_type_changes_in_place(new_folder: NewFolder, server: RunningServer) -> None:
    folder = new_folder("clients.tf", "exporter.tf", prefix=unique("terraform"))
    folder.apply()
    client_id = folder.resources()[EXPORTER]["id"]
    secret = (folder.secrets / client_id).read_text("utf-8")
    token = server.token(client_id, secret)
    assert server.call("GET", "/api/v2/tokens/me", token=token).status == 200

    folder.use("changed/exporter.tf")
    assert folder.plan(status=CHANGES) == [f"update {EXPORTER}"]
    folder.apply()

    client = stored(server, client_id)
    assert client["authorizedGrantType"] == "CODE"
    assert client["registeredRedirectUri"] == ["https://export.example/callback"]
    assert sorted(client["scope"]) == ["oauth:readonly", "users"]
    assert not client.get("roleDivisions")
    assert server.call("GET", "/api/v2/tokens/me", token=token).status == 401
    assert folder.plan(status=NOTHING_TO_DO) == []

    folder.use("exporter.tf")
    assert folder.plan(status=CHANGES) == [f"update {EXPORTER}"]
    folder.apply()

    client = stored(server, client_id)
    assert client["authorizedGrantType"] == "CLIENT-CREDENTIALS"
    assert [held["divisionId"] for held in client["roleDivisions"]] == [EVERY_DIVISION]
    assert not client.get("registeredRedirectUri")
    assert server.token(client_id, secret)
    assert folder.plan(status=NOTHING_TO_DO) == []
    folder.destroy()


def test_a_change_past_terraform_is_put_right(new_folder: NewFolder, server: RunningServer) -> None:
    folder = new_folder("clients.tf", prefix=unique("terraform"))
    folder.apply()
    client = stored(server, folder.resources()[PORTAL]["id"])
    changed = {**client, "state": "active", "description": "changed by hand"}
    assert server.call("PUT", f"/api/v2/oauth/clients/{client['id']}", changed).status == 200

    assert folder.plan(status=CHANGES) == [f"update {PORTAL}"]
    folder.apply()

    client = stored(server, client["id"])
    assert (client["state"], client.get("description", "")) == ("inactive", "")
    folder.destroy()


# -------------------------------------------------------------------------------- import


def test_what_exists_is_imported(new_folder: NewFolder, server: RunningServer) -> None:
    prefix = unique("terraform")
    role_id = make_role(server, "oauth:client:view", "authorization:role:view")
    portal = make_code_client(
        server,
        name=f"{prefix} portal",
        registeredRedirectUri=["https://portal.example/callback", "http://127.0.0.1:8123/callback"],
        scope=["oauth:readonly"],
        state="inactive",
    )
    folder = new_folder("clients.tf", prefix=prefix)

    folder.run("import", "-input=false", PORTAL, portal["id"])
    folder.run("import", "-input=false", ROLE, role_id)

    imported = folder.resources()
    assert imported[PORTAL]["name"] == portal["name"]
    assert imported[PORTAL]["id"] == imported[PORTAL]["client_id"] == portal["id"]
    assert not imported[PORTAL]["client_secret"]
    assert folder.plan(status=CHANGES) == [f"create {HOME}", f"update {ROLE}"]
    folder.apply()
    assert folder.plan(status=NOTHING_TO_DO) == []
    assert stored_role(server, role_id)["name"] == f"{prefix} reader"
    folder.destroy()


# ------------------------------------------------------------------------------- destroy


def test_destroy_leaves_nothing(new_folder: NewFolder, server: RunningServer) -> None:
    folder = new_folder("clients.tf", "exporter.tf", prefix=unique("terraform"))
    folder.apply()
    made = folder.resources()
    paths = [f"/api/v2/oauth/clients/{made[name]['id']}" for name in (EXPORTER, HOME, PORTAL)]
    paths.append(f"/api/v2/authorization/roles/{made[ROLE]['id']}")
    assert statuses(server, *paths) == [200] * 4

    folder.destroy()

    assert statuses(server, *paths) == [404] * 4
    assert folder.resources() == {}
