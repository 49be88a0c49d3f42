"""Ctrl-C at each request of apply and export: nothing is half done, and the next one goes on."""

import subprocess
import threading
import time
from pathlib import Path

import pytest

from grantory.testing.server import GrantoryServer
from tests.cli.plans.test_in_order import FILE
from tests.support.cloud import Asked, Cloud
from tests.support.cloud_documents import HOME, ROLE
from tests.support.command import quick_command
from tests.support.interruption import FINISHING, interrupt, interruptible, press

APPLY = ("apply", "f.yaml", "--in-order", "--yes", "--discard-secrets")
CHANGES = "/api/v2/grantory/changes"


def run(
    environment: dict[str, str], folder: Path, *arguments: str, status: int = 0
) -> subprocess.CompletedProcess[str]:
    (folder / "f.yaml").write_text(FILE, encoding="utf-8")
    with interruptible():
        done = quick_command(*arguments, environment=environment, folder=folder)
    assert done.returncode == status, (done.stdout, done.stderr)
    return done


def press_at(cloud: Cloud, number: int) -> None:
    """Interrupts at one of the requests that are made, counted from 0."""
    left = [number]

    def wanted(_asked: Asked) -> bool:
        left[0] -= 1
        return left[0] < 0

    press(cloud, wanted)


def requests_of(folder: Path, *arguments: str, status: int = 0) -> int:
    with Cloud() as cloud:
        run(cloud.environment, folder, *arguments, status=status)
        return len(cloud.asked)


def test_a_plan_is_given_up(tmp_path: Path) -> None:
    for number in range(requests_of(tmp_path, "plan", "f.yaml", status=8)):
        with Cloud() as cloud:
            press_at(cloud, number)
            given_up = run(cloud.environment, tmp_path, "plan", "f.yaml", status=130)
            assert given_up.stdout == ""
            assert not [each for each in cloud.changes() if "dryRun=true" not in each.path]


def test_apply_in_order_is_gone_on_with(tmp_path: Path) -> None:
    count = requests_of(tmp_path, *APPLY)
    assert count >= 10
    for number in range(count):
        with Cloud() as cloud:
            press_at(cloud, number)
            stopped = run(cloud.environment, tmp_path, *APPLY, status=130)
            done = len(cloud.changes())
            if done == 6:
                assert "Done: 3 created, 2 changed, 1 deleted." in stopped.stdout
            elif done:
                assert f"stopped after {done} of 6 changes" in stopped.stderr
                assert stopped.stderr.count("\n  left  ") == 6 - done
            told = stopped.stdout + stopped.stderr
            made = {*cloud.roles, *cloud.divisions, *cloud.clients} - {ROLE, HOME}
            assert not [each for each in made if each.startswith("4") and each not in told]
            cloud.before_answer = lambda _asked: None
            run(cloud.environment, tmp_path, *APPLY)
            assert len(cloud.changes()) == 6  # none was made twice, and none is missing
            assert "Nothing to do" in run(cloud.environment, tmp_path, "plan", "f.yaml").stdout


@pytest.mark.parametrize("there", [True, False])
def test_an_export_is_written_whole_or_not_at_all(there: bool, tmp_path: Path) -> None:
    given = ("export", "all.toml", *(["--force"] if there else []))
    file = tmp_path / "all.toml"
    for number in range(requests_of(tmp_path, "export")):
        file.unlink(missing_ok=True)
        if there:
            file.write_text("old")
        with Cloud() as cloud:
            press_at(cloud, number)
            run(cloud.environment, tmp_path, *given, status=130)
        left = {each.name: each.read_text() for each in tmp_path.glob("all.*")}
        assert left == ({"all.toml": "old"} if there else {})


@pytest.mark.parametrize("times", [1, 2])
def test_apply_together_is_finished_and_told(
    times: int, grantory_server: GrantoryServer, tmp_path: Path
) -> None:
    own = grantory_server.client
    environment = {
        "GRANTORY_URL": grantory_server.url,
        "GRANTORY_CLIENT_ID": own.id,
        "GRANTORY_CLIENT_SECRET": own.secret,
    }
    (tmp_path / "g.yaml").write_text("divisions: [{name: North}, {name: South}]\n")
    grantory_server.faults.delay(2 * times - 1, path=CHANGES)

    def made() -> list[str]:
        found = grantory_server.call("GET", "/api/v2/authorization/divisions")["entities"]
        return [each["id"] for each in found if not each["homeDivision"]]

    def interrupt_when_made() -> None:
        while not made():
            time.sleep(0.01)
        for _ in range(times):
            interrupt()

    thread = threading.Thread(target=interrupt_when_made)
    thread.start()
    status = 130 if times == 1 else 6
    done = run(environment, tmp_path, "apply", "g.yaml", "--yes", status=status)
    thread.join()
    assert FINISHING in done.stderr
    if times == 1:
        assert "Done: 2 created, 0 changed, 0 deleted." in done.stdout
        assert all(each in done.stdout for each in made())
    else:
        assert "not known whether the change was made" in done.stderr
    assert "Nothing to do" in run(environment, tmp_path, "plan", "g.yaml").stdout
