"""docs/guides/from-the-generated-sdk.md, as it stands."""

import re
from pathlib import Path

import pytest

from grantory_sdk import Grantory, compat
from tests.compat.guides.guide import Guide, own_program, python_program
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
GUIDE = Guide("from-the-generated-sdk")
BEFORE, AFTER = GUIDE.block("python", 1), GUIDE.block("python", 2)
IMPORTS = GUIDE.block("py")


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_the_programs_do_the_same(server: RunningServer, tmp_path: Path) -> None:
    known = {"CLIENT_ID": server.client_id, "CLIENT_SECRET": server.client_secret}
    replaced = [line for line in BEFORE.splitlines() if "PureCloudPlatformClientV2" in line][:2]
    moved = BEFORE.replace("\n".join(replaced) + "\n", IMPORTS)
    assert moved.count("grantory_sdk") == 2
    assert "import PureCloudPlatformClientV2" not in moved

    before = python_program(BEFORE, server, tmp_path, **known).splitlines()
    assert own_program(moved, server, tmp_path, **known).splitlines() == before
    settings = {f"GRANTORY_{name}": value for name, value in known.items()}
    after = own_program(AFTER, server, tmp_path, GRANTORY_URL=server.url, **settings)
    assert after.splitlines() == before
    assert before[0] == "front page active ['https://app.example/callback']"
    assert before[-1] == "404 Not Found"


def test_every_name_of_the_tables_is_there() -> None:
    for name in re.findall(r"^\| `(\w+)`", GUIDE.text, re.MULTILINE):
        assert name in compat.__all__
    rows = re.findall(r"^\| `OAuthApi\.(\w+)` \| (.*) \|$", GUIDE.text, re.MULTILINE)
    assert len(rows) == 6
    with Grantory("http://127.0.0.1:1", access_token="t") as grantory:
        for old, new in rows:
            assert callable(getattr(compat.OAuthApi, old))
            for name in re.findall(r"`oauth_clients\.(\w+)`", new):
                assert callable(getattr(grantory.oauth_clients, name))
