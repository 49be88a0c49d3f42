"""docs/guides/terminal.md, as it stands."""

from pathlib import Path

import pytest

from tests.compat.guides.guide import Guide, shell
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
GUIDE = Guide("terminal")
COMMANDS = GUIDE.block("sh")


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_the_commands(server: RunningServer, tmp_path: Path) -> None:
    client_id, listed, state, seconds = shell(COMMANDS, server, tmp_path).splitlines()
    assert (listed, state, seconds) == (client_id, "active", "86400")
    secret = (tmp_path / "export.secret").read_text()
    assert server.call("DELETE", f"/api/v2/oauth/clients/{client_id}").status == 204
    assert secret
