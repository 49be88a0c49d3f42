"""The commands in a terminal: questions, tables of 80 columns, colours, progress and Ctrl-C."""

import os
import stat
import threading
from pathlib import Path

from tests.cli.snapshot import assert_as_kept, progress
from tests.support.cloud import Asked, Cloud
from tests.support.cloud_documents import NIGHTLY, OLD, PORTAL, SECRET, client
from tests.support.terminal import Terminal, gate


def terminal(cloud: Cloud, folder: Path, *arguments: str, **environment: str) -> Terminal:
    return Terminal(*arguments, environment={**cloud.environment, **environment}, folder=folder)


def test_tables_fit_and_have_colours(cloud: Cloud, tmp_path: Path) -> None:
    with terminal(cloud, tmp_path, "clients", "list") as shown:
        assert shown.end() == 0
    assert_as_kept("clients-80", shown.screen)
    assert max(map(len, shown.screen.splitlines())) <= 80
    assert "\x1b[1mID" in shown.seen
    assert "\x1b[33minactive" in shown.seen
    assert "\x1b[31m" not in shown.seen  # what a client's name brings along
    with terminal(cloud, tmp_path, "clients", "show", PORTAL, NO_COLOR="1") as plain:
        assert plain.end() == 0
    assert "\x1b" not in plain.seen
    assert_as_kept("client-80", plain.screen)


def test_a_client_is_asked_for(cloud: Cloud, tmp_path: Path) -> None:
    with terminal(cloud, tmp_path, "clients", "create") as shown:
        shown.answer("Name of the client: ", "report")
        shown.answer("Grant type [1]: ", "9")
        shown.answer("Grant type [1]: ", "client-credentials")
        shown.answer("Role: ", "1")
        shown.answer("Another role? [y/N]: ", "")
        shown.answer("Division [1]: ", "2")
        shown.answer("What is it for: ", "")
        shown.answer("Create it? [Y/n]: ", "")
        shown.answer("Where [1]: ", "file")
        shown.answer("File: ", "report.secret")
        assert shown.end() == 0
    assert_as_kept("create-dialogue", shown.screen)
    file = tmp_path / "report.secret"
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode)) == (SECRET, 0o600)
    [made] = cloud.changes()
    assert made.body["roleDivisions"] == [
        {"roleId": "00000000-0000-4000-8000-00000000000a", "divisionId": "*"}
    ]


def test_what_is_asked_follows_the_grant_type(cloud: Cloud, tmp_path: Path) -> None:
    with terminal(cloud, tmp_path, "clients", "create", "--show-secret") as shown:
        shown.answer("Name of the client: ", "page")
        shown.answer("Grant type [1]: ", "CODE")
        shown.answer("comes back to: ", "https://page.example/")
        shown.answer("another one, or Enter: ", "")
        shown.answer("Enter for all: ", "users:readonly")
        shown.answer("another one, or Enter: ", "")
        shown.answer("What is it for: ", "")
        shown.answer("Create it? [Y/n]: ", "")
        assert shown.end() == 0
    assert SECRET in shown.screen
    [made] = cloud.changes()
    assert made.body == {
        "name": "page",
        "authorizedGrantType": "CODE",
        "registeredRedirectUri": ["https://page.example/"],
        "scope": ["users:readonly"],
    }


def test_one_of_several_is_chosen_and_ctrl_c_changes_nothing(cloud: Cloud, tmp_path: Path) -> None:
    with terminal(cloud, tmp_path, "clients", "delete") as shown:
        shown.answer("part of the name of the client: ", "p")
        shown.answer("Which one: ", "3")
        shown.expect("Go on? [y/N]: ")
        shown.interrupt()
        assert shown.end() == 130
    assert_as_kept("delete-given-up", shown.screen)
    assert not cloud.changes()


def test_ctrl_c_lets_what_was_begun_come_to_its_end(cloud: Cloud, tmp_path: Path) -> None:
    cloud.may_answer_changes.clear()
    with terminal(
        cloud, tmp_path, "clients", "rotate", OLD, "--yes", "--secret-file", "new"
    ) as shown:
        assert cloud.change_asked.wait(60)
        shown.interrupt()
        shown.expect("finishing what was begun")
        cloud.may_answer_changes.set()
        assert shown.end() == 130
    assert (tmp_path / "new").read_text() == SECRET
    assert len(cloud.changes()) == 1

    cloud.change_asked.clear()
    cloud.may_answer_changes.clear()
    with terminal(
        cloud, tmp_path, "clients", "rotate", OLD, "--yes", "--secret-file", "newer"
    ) as shown:
        assert cloud.change_asked.wait(60)
        shown.interrupt()
        shown.expect("once more ends at once")
        shown.interrupt()
        assert shown.end() == 6
    assert "not known whether the change was made: look before trying again" in shown.screen
    assert [each.name for each in tmp_path.iterdir() if each.name != ".config"] == ["new"]


def test_ctrl_c_lets_a_command_take_the_secret(cloud: Cloud, tmp_path: Path) -> None:
    go = gate(tmp_path / "go")
    given = ("clients", "rotate", OLD, "--yes", "--secret-to")
    with terminal(cloud, tmp_path, *given, "echo it runs >&2; read x < go; cat > got") as shown:
        shown.expect("it runs")
        shown.interrupt()
        shown.expect("finishing what was begun")
        os.write(go, b"\n")
        assert shown.end() == 130
    assert (tmp_path / "got").read_text() == SECRET
    assert "lost" not in shown.screen

    with terminal(cloud, tmp_path, *given, "echo it runs >&2; read x < go; cat > later") as shown:
        shown.expect("it runs")
        shown.interrupt()
        shown.expect("once more ends at once")
        shown.interrupt()
        assert shown.end() == 7
    assert "its secret is lost: Ctrl-C ended what was to bring it" in shown.screen
    assert SECRET not in shown.screen
    assert not (tmp_path / "later").exists()
    os.close(go)


def test_long_work_shows_how_far_it_is(cloud: Cloud, tmp_path: Path) -> None:
    cloud.clients = {
        str(n): client(f"{n:08d}-0000-4000-8000-000000000000", f"c{n}", "CODE", "active")
        for n in range(250)
    }
    cloud.page_size = 100
    with terminal(cloud, tmp_path, "clients", "list", "--query", "length(@)") as shown:
        assert shown.end() == 0
    assert_as_kept("progress-of-a-list", progress(shown.screen))
    with terminal(cloud, tmp_path, "clients", "list", "--limit", "5") as short:
        assert short.end() == 0
    assert "Reading" not in short.screen
    assert len(short.screen.splitlines()) == 6
    with terminal(cloud, tmp_path, "clients", "list") as table:  # whose rows show it themselves
        assert table.end() == 0
    assert "Reading" not in table.screen
    assert len(table.screen.splitlines()) == 251


def test_ctrl_c_ends_a_list_and_its_progress(cloud: Cloud, tmp_path: Path) -> None:
    cloud.clients = {
        str(n): client(f"{n:08d}-0000-4000-8000-000000000000", f"c{n}", "CODE", "active")
        for n in range(250)
    }
    cloud.page_size = 100
    go, third = threading.Event(), threading.Event()

    def hold(asked: Asked) -> None:
        if "pageNumber=3" in asked.path:
            third.set()
            go.wait(60)

    cloud.before_answer = hold
    with terminal(cloud, tmp_path, "clients", "list", "--query", "[].id") as shown:
        assert third.wait(60)
        shown.interrupt()
        assert shown.end() == 130
    go.set()
    assert_as_kept("progress-given-up", progress(shown.screen))
    assert shown.seen.rindex("\x1b[?25h") > shown.seen.rindex("\x1b[?25l")  # the cursor is back


def test_ctrl_c_lets_an_update_be_made(cloud: Cloud, tmp_path: Path) -> None:
    cloud.may_answer_changes.clear()
    given = ("clients", "update", OLD, "--description", "new")
    with terminal(cloud, tmp_path, *given, "--query", "description") as shown:
        assert cloud.change_asked.wait(60)
        shown.interrupt()
        shown.expect("finishing what was begun")
        cloud.may_answer_changes.set()
        assert shown.end() == 130
    assert_as_kept("update-interrupted", shown.screen)
    assert cloud.clients[OLD]["description"] == "new"


def test_a_login_is_asked_for(cloud: Cloud, tmp_path: Path) -> None:
    with Terminal("login", environment={}, folder=tmp_path) as shown:
        shown.answer("Address of the server, or a region: ", cloud.url)
        shown.answer("Way [1]: ", "2")
        shown.answer("Id of the client: ", NIGHTLY)
        shown.answer("Its secret: ", SECRET)
        assert shown.end() == 0
    assert SECRET not in shown.seen
    assert_as_kept("login-dialogue", shown.screen.replace(str(cloud.port), "8080"))
    with Terminal("logout", environment={}, folder=tmp_path) as ended:
        assert ended.end() == 0
    assert ended.screen == "Logged out: profile local.\n"


def test_nothing_is_asked_that_was_not_to_be(cloud: Cloud, tmp_path: Path) -> None:
    with terminal(cloud, tmp_path, "clients", "create", "--no-input") as shown:
        assert shown.end() == 2
    assert "nobody can be asked" in shown.screen
    assert not cloud.asked
