"""Attack case 83: a file for plan and apply that is meant to do harm, or good by half."""

import io
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grantory.cli.plans.document import MOST_BYTES, read_document
from grantory.cli.plans.faults import Faults
from grantory.errors import SetupError
from tests.support.cloud import Cloud
from tests.support.cloud_documents import SECRET
from tests.support.command import quick_command
from tests.support.server import RunningServer

LISTS = (
    "/api/v2/authorization/divisions?pageSize=500",
    "/api/v2/authorization/roles?pageSize=500",
    "/api/v2/oauth/clients?pageSize=500",
)
GOOD = """divisions:
  - name: North
roles:
  - name: Exporter
clients:
  - name: good
    roles: [{role: Exporter, division: North}]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer() as running:
        yield running


def there(server: RunningServer) -> list[Any]:
    """All that files can change."""
    return [server.call("GET", path).json()["entities"] for path in LISTS]


def refused(server: RunningServer, folder: Path, file: str, *more: str) -> str:
    """What ``apply`` says of a file that it is to refuse, with nothing changed."""
    before = there(server)
    environment = {
        "GRANTORY_URL": server.url,
        "GRANTORY_CLIENT_ID": server.client_id,
        "GRANTORY_CLIENT_SECRET": server.client_secret,
    }
    given = ("apply", file, "--yes", "--discard-secrets", *more)
    done = quick_command(*given, environment=environment, folder=folder)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert there(server) == before
    assert server.client_secret not in done.stdout + done.stderr
    return done.stderr


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(97 + n)}: &{chr(97 + n)} [{', '.join(['*' + chr(96 + n)] * 9)}]\n" for n in range(1, 20)
)
BAD_TEXTS: dict[str, tuple[str, str | bytes, str]] = {
    "a tag of Python's": (
        "f.yaml",
        GOOD + "x: !!python/object/apply:os.system ['touch harmed']\n",
        "tags",
    ),
    "a tag of YAML's": ("f.yaml", GOOD.replace("name: good", "name: !!str good"), "tags"),
    "a bomb of references": ("f.yaml", BOMB, "anchors"),
    "a merged table": ("f.yaml", GOOD + "  - {<<: {name: b}}\n", "there is no '<<'"),
    "a repeated key": ("f.yaml", GOOD + "    name: other\n", "repeated"),
    "a repeated section": ("f.yaml", GOOD + "clients: []\n", "repeated"),
    "a second document": ("f.yaml", GOOD + "---\n" + GOOD, "more than one document"),
    "many levels of YAML": ("f.yaml", "clients: " + "[" * 1_000_000, "nesting|levels"),
    "many levels of TOML": ("f.toml", "clients = " + "[" * 1_000_000, "levels"),
    "many levels of JSON": ("f.json", '{"clients": ' + "[" * 1_000_000, "levels"),
    "a repeated key of TOML": ("f.toml", "[[clients]]\nname='a'\nname='b'\n", "no TOML"),
    "a repeated key of JSON": ("f.json", '{"clients": [{"name": "a", "name": "b"}]}', "repeated"),
    "a number of a million digits": ("f.json", '{"clients": ' + "9" * 1_000_000 + "}", "f.json"),
    "one name twice": ("f.yaml", GOOD + "  - {name: good}\n", "more than one entry"),
    "one id twice": (
        "f.yaml",
        GOOD + "  - {name: b, id: 1-1}\n  - {name: c, id: 1-1}\n",
        "id stands in more than one entry",
    ),
    "an unknown id": ("f.yaml", GOOD + "  - {name: b, id: 1-1}\n", "no client with this id"),
    "an id that is a path": ("f.yaml", GOOD + "  - {name: b, id: ../../x}\n", "is no id"),
    "an unknown role": ("f.yaml", GOOD + "  - {name: b, roles: [none]}\n", "no role 'none'"),
    "an unknown field": ("f.yaml", GOOD + "  - {name: b, rolls: []}\n", "roles that is meant"),
    "a secret": ("f.yaml", GOOD + "  - {name: b, secret: hunter2}\n", "files hold no secrets"),
    "bytes that are no text": ("f.yaml", GOOD.encode() + b"\xff\xfe", "UTF-8"),
    "half a character": ("f.yaml", GOOD + '  - {name: "\\uD800"}\n', "surrogate|no YAML|invalid"),
    "too many entries": ("f.yaml", GOOD + "  - {}\n" * 10_001, "10000 entries"),
}


@pytest.mark.parametrize("what", BAD_TEXTS)
def test_case_83_a_bad_file_changes_nothing(
    what: str, server: RunningServer, tmp_path: Path
) -> None:
    name, content, said = BAD_TEXTS[what]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    for more in ((), ("--in-order",)):
        told = refused(server, tmp_path, name, *more)
        assert any(each in told for each in said.split("|")), told
        assert "hunter2" not in told
    assert not (tmp_path / "harmed").exists()


def test_case_83_what_is_no_small_file_is_not_read(server: RunningServer, tmp_path: Path) -> None:
    huge = tmp_path / "huge.yaml"
    with huge.open("wb") as file:
        file.truncate(1024**3)
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    begun = time.process_time()
    for name, said in (
        ("huge.yaml", "more than 4194304 bytes"),
        ("pipe.yaml", "no regular file"),
        ("zero.yaml", "no regular file"),
        ("folder.yaml", "Is a directory"),
        ("loop.yaml", "cannot be read"),
        ("none.yaml", "cannot be read"),
    ):
        assert said in refused(server, tmp_path, name)
    assert time.process_time() - begun < 30


class Endless(io.RawIOBase):
    """A standard input of a gigabyte, which tells how much of it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        count = min(len(room), 1024**3 - self.taken)
        room[:count] = b"#" * count
        self.taken += count
        return count


@pytest.mark.parametrize("form", ["yaml", "toml", "json"])
def test_case_83_a_huge_standard_input_is_not_read(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = Endless()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(endless)))
    with pytest.raises(SetupError, match="standard input: it has more than 4194304 bytes"):
        read_document("-", form, Faults("standard input"))
    assert endless.taken < MOST_BYTES + 2 * io.DEFAULT_BUFFER_SIZE


@pytest.mark.parametrize(
    "answered", ["../../x", "/none/x", "..", "a/b", "a\\b", "", "a\n", "x" * 65, "\u0661", ".ssh"]
)
def test_case_83_no_answered_id_leaves_the_folder_of_secrets(
    answered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a server says is no name of a file until it was looked at."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "f.yaml").write_text("clients: [{name: n, grant_type: CODE}]\n", encoding="utf-8")
    with Cloud() as cloud:
        monkeypatch.setattr(cloud, "_new_id", lambda _there: answered)
        done = quick_command(
            *("apply", "f.yaml", "--in-order", "--yes", "--secret-dir", "secrets"),
            environment={**cloud.environment, "HOME": str(tmp_path)},
            folder=folder,
        )
    assert done.returncode == 7, (done.stdout, done.stderr)
    assert "the secret of client n is lost: its id cannot be the name of a file" in done.stderr
    assert SECRET not in done.stdout + done.stderr
    files = [each.name for each in tmp_path.rglob("*") if each.is_file()]
    assert files == ["f.yaml"]
    assert not list((folder / "secrets").iterdir())


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ("{name: bad, grant_type: CODE, redirect_uris: ['javascript:1']}", "registeredRedirectUri"),
        ("{name: bad, grant_type: CODE, token_seconds: 38880000}", "accessTokenValiditySeconds"),
        ("{name: bad, grant_type: CODE, scopes: ['a b']}", "scope"),
        ('{name: "bad\\u0007", grant_type: CODE}', "name"),
    ],
)
def test_case_83_a_file_that_is_good_by_half_changes_nothing(
    last: str, said: str, server: RunningServer, tmp_path: Path
) -> None:
    (tmp_path / "f.yaml").write_text(f"{GOOD}  - {last}\n", encoding="utf-8")
    told = refused(server, tmp_path, "f.yaml")
    assert said in told
    assert "refused at: create client bad" in told


def test_case_83_a_name_that_is_taken_meanwhile_changes_nothing(
    server: RunningServer, tmp_path: Path
) -> None:
    """Names of roles are one in any case, which nobody but the server knows."""
    server.call("POST", "/api/v2/authorization/roles", {"name": "Taken"})
    text = GOOD.replace("clients:", "  - name: TAKEN\nclients:")
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    assert "409" in refused(server, tmp_path, "f.yaml")
    assert json.dumps(there(server)).count('"good"') == 0
