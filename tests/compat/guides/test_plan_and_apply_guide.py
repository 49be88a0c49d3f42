"""docs/guides/plan-and-apply.md, as it stands."""

from pathlib import Path

import pytest

from tests.compat.guides.guide import Guide, shell
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
GUIDE = Guide("plan-and-apply")
FILE = GUIDE.block("yaml")
COMMANDS = GUIDE.block("sh")
SHOWN = GUIDE.block("text")
EXPORT = GUIDE.block("sh", 2)
DRIFT = GUIDE.block("sh", 3)


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_the_commands(server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "clients.yaml").write_text(FILE)
    told = shell(COMMANDS, server, tmp_path)
    assert told.startswith(SHOWN)
    assert told.endswith("Nothing to do: 4 entries are as the file says.\n")
    assert len([*(tmp_path / "secrets").iterdir()]) == 2
    exported = shell(EXPORT, server, tmp_path)
    assert exported.startswith("Nothing to do: ")
    assert (tmp_path / "portal.toml").read_text().count("[[clients]]") == 1
    assert shell(DRIFT, server, tmp_path) == "[]\n"
    for kind in ("clients", "roles", "divisions"):
        path = "/api/v2/oauth/clients" if kind == "clients" else f"/api/v2/authorization/{kind}"
        names = {"clients": ("nightly export", "portal"), "roles": ("Exporter",)}
        for each in server.call("GET", path).json()["entities"]:
            if each["name"] in names.get(kind, ("North",)):
                assert server.call("DELETE", f"{path}/{each['id']}").status == 204
