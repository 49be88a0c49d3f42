"""Plan and apply in a terminal: 80 columns, colours, questions, progress and Ctrl-C."""

import os
import threading
from pathlib import Path

import pytest

from tests.cli.plans.test_in_order import FILE
from tests.cli.snapshot import assert_as_kept, progress
from tests.support.cloud import Asked, Cloud
from tests.support.cloud_documents import MADE, SECRET
from tests.support.terminal import Terminal, gate


def terminal(cloud: Cloud, folder: Path, *arguments: str, **environment: str) -> Terminal:
    (folder / "f.yaml").write_text(FILE, encoding="utf-8")
    return Terminal(*arguments, environment={**cloud.environment, **environment}, folder=folder)


def test_a_plan_fits_and_has_colours(cloud: Cloud, tmp_path: Path) -> None:
    with terminal(cloud, tmp_path, "plan", "f.yaml") as shown:
        assert shown.end() == 8
    assert_as_kept("plan-80", shown.screen)
    assert max(map(len, shown.screen.splitlines())) <= 80
    for coloured in ("\x1b[32m+ division North", "\x1b[33m~ client night", "\x1b[31m- client old"):
        assert coloured in shown.seen
    with terminal(cloud, tmp_path, "plan", "f.yaml", NO_COLOR="1") as plain:
        assert plain.end() == 8
    assert "\x1b" not in plain.seen


def test_apply_asks_where_secrets_go_and_whether_to_go_on(cloud: Cloud, tmp_path: Path) -> None:
    with terminal(cloud, tmp_path, "apply", "f.yaml", "--in-order") as shown:
        shown.answer("Where [1]: ", "")
        shown.answer("Folder: ", "secrets")
        shown.answer("Make these changes? [y/N]: ", "y")
        assert shown.end() == 0
    assert_as_kept("apply-dialogue", shown.screen)
    assert (tmp_path / "secrets" / MADE).read_text() == SECRET


def test_many_changes_show_how_far_they_are(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text("divisions:\n" + "".join(f"  - name: d{n}\n" for n in range(12)))
    with terminal(cloud, tmp_path, "apply", "many.yaml", "--in-order", "--yes") as shown:
        assert shown.end() == 0
    bar = shown.screen[shown.screen.index("Making") :]
    assert_as_kept("progress-of-apply", progress(bar))


def test_ctrl_c_leaves_the_progress_of_apply_readable(cloud: Cloud, tmp_path: Path) -> None:
    file = tmp_path / "many.yaml"
    file.write_text("divisions:\n" + "".join(f"  - name: d{n}\n" for n in range(12)))
    go, third = threading.Event(), threading.Event()

    def hold(asked: Asked) -> None:
        if asked.body and asked.body.get("name") == "d2":
            third.set()
            go.wait(60)

    cloud.before_answer = hold
    with terminal(cloud, tmp_path, "apply", "many.yaml", "--in-order", "--yes") as shown:
        assert third.wait(60)
        shown.interrupt()
        shown.expect("finishing what was begun")
        go.set()
        assert shown.end() == 130
    bar = shown.screen[shown.screen.index("Making") :]
    assert_as_kept("progress-of-apply-stopped", progress(bar))
    assert len(cloud.changes()) == 3


def test_ctrl_c_finishes_what_was_begun_and_tells_what_is_left(
    cloud: Cloud, tmp_path: Path
) -> None:
    given = ("apply", "f.yaml", "--in-order", "--discard-secrets")
    with terminal(cloud, tmp_path, *given) as shown:
        shown.expect("Make these changes? [y/N]: ")
        shown.interrupt()
        assert shown.end() == 130
    assert not cloud.changes()
    cloud.may_answer_changes.clear()
    with terminal(cloud, tmp_path, *given, "--yes") as shown:
        assert cloud.change_asked.wait(60)
        shown.interrupt()
        shown.expect("finishing what was begun")
        cloud.may_answer_changes.set()
        assert shown.end() == 130
    assert "stopped after 1 of 6 changes" in shown.screen
    assert "left  create role Exporter" in shown.screen
    assert len(cloud.changes()) == 1


@pytest.mark.parametrize("way", ["--in-order", "together"])
def test_a_second_ctrl_c_does_not_know_what_was_made(
    way: str, cloud: Cloud, tmp_path: Path
) -> None:
    given = ("apply", "f.yaml", "--yes", "--discard-secrets")
    cloud.may_answer_changes.clear()
    with terminal(cloud, tmp_path, *given, *([way] if way != "together" else [])) as shown:
        assert cloud.change_asked.wait(60)
        shown.interrupt()
        shown.expect("once more ends at once")
        shown.interrupt()
        assert shown.end() == 6
    assert "look before trying again" in shown.screen
    assert "grantory clients rotate gives such a client a secret" in shown.screen
    if way != "together":
        assert "stopped after 0 of 6 changes" in shown.screen
        assert "open  create division North\n  left  create role Exporter" in shown.screen


def test_ctrl_c_lets_a_command_take_the_secret_of_a_new_client(
    cloud: Cloud, tmp_path: Path
) -> None:
    go = gate(tmp_path / "go")
    (tmp_path / "two.yaml").write_text(
        "clients:\n  - {name: a, grant_type: CODE}\n  - {name: b, grant_type: CODE}\n"
    )
    given = ("apply", "two.yaml", "--in-order", "--yes", "--secret-to")
    command = 'echo it runs >&2; read x < go; cat > "$CLIENT_NAME"'
    with terminal(cloud, tmp_path, *given, command) as shown:
        shown.expect("it runs")
        shown.interrupt()
        shown.expect("finishing what was begun")
        os.write(go, b"\n")
        assert shown.end() == 130
    assert (tmp_path / "a").read_text() == SECRET
    assert f"done  create client a: {MADE}\n  left  create client b" in shown.screen

    with terminal(cloud, tmp_path, *given, command) as shown:
        shown.expect("it runs")
        shown.interrupt()
        shown.expect("once more ends at once")
        shown.interrupt()
        assert shown.end() == 7
    assert "the secret of client b is lost: Ctrl-C ended what was to bring it" in shown.screen
    assert not (tmp_path / "b").exists()
    os.close(go)
