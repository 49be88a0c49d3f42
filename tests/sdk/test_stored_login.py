"""A login that a profile keeps: several programs go on with it, and one of them renews it."""

import multiprocessing
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import httpx2 as httpx
import pytest

from grantory_sdk import (
    AsyncGrantory,
    ConnectionFailed,
    Grantory,
    GrantoryError,
    LoginFailed,
    ServerError,
    TokenRefused,
)
from grantory_sdk.configuration import resolve
from grantory_sdk.file_lock import FileLock
from grantory_sdk.models import TokenAnswer
from grantory_sdk.profile_writing import change_profile
from grantory_sdk.profiles import read_profile
from grantory_sdk.stored_login import StoredLogin
from tests.support.scripted import URL, Hand, Scripted, Step, answer, refused, token

PAST, FUTURE = "2020-01-01T00:00:00+00:00", "2099-01-01T00:00:00+00:00"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.toml"
    change_profile(path, "p", {"url": URL, "client_id": "c", "refresh_token": "r1"})
    return path


def connect(file: Path, script: Scripted, hand: Hand | None = None) -> Grantory:
    hand = hand or Hand()
    login = StoredLogin(file, "p", clock=lambda: hand.now, wait_seconds=0)
    return Grantory(URL, auth=login, transport=script.transport, runtime=hand.blocking)


def forms(script: Scripted) -> list[dict[str, list[str]]]:
    return [parse_qs(request.content.decode()) for request in script.token_requests]


def test_the_profile_leads_to_it(file: Path) -> None:
    environment = {"GRANTORY_PROFILES_FILE": str(file)}
    for found in (resolve(profile="p", environment=environment), resolve(environment=environment)):
        assert isinstance(found.auth, StoredLogin)
        assert repr(found.auth) == "StoredLogin(profile='p', client_id='c')"
    change_profile(file, "p", {"refresh_token": None, "access_token": "t"})
    assert not isinstance(resolve(profile="p", environment=environment).auth, StoredLogin)
    change_profile(file, "p", {"access_token_expires": PAST})
    assert isinstance(resolve(profile="p", environment=environment).auth, StoredLogin)


def test_what_is_got_is_kept_for_the_next_program(file: Path) -> None:
    script = Scripted(answer(body={}), tokens=[token("t1", refresh_token="r2")])
    for _ in range(2):
        with connect(file, script) as grantory:
            grantory.tokens.me()
    assert [form["refresh_token"] for form in forms(script)] == [["r1"]]
    assert script.bearers == ["t1", "t1"]
    kept = read_profile(file, "p")
    assert (kept["refresh_token"], kept["access_token"]) == ("r2", "t1")
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_kept_token_that_is_refused_is_renewed(file: Path) -> None:
    change_profile(file, "p", {"access_token": "old", "access_token_expires": FUTURE})
    script = Scripted(
        refused(401, "bad.credentials"), answer(body={}), tokens=[token("t1", refresh_token="r2")]
    )
    with connect(file, script) as grantory:
        grantory.tokens.me()
    assert script.bearers == ["old", "t1"]


def test_a_token_that_another_program_got_is_taken(file: Path) -> None:
    script = Scripted(answer(body={}), tokens=[token("t1", expires_in=100, refresh_token="r2")])
    hand = Hand()
    with connect(file, script, hand) as grantory:
        grantory.tokens.me()
        change_profile(
            file,
            "p",
            {"access_token": "t2", "access_token_expires": FUTURE, "refresh_token": "r3"},
        )
        hand.now += 100
        grantory.tokens.me()
    assert script.bearers == ["t1", "t2"]
    assert len(script.token_requests) == 1


def test_a_new_login_is_not_written_over(file: Path) -> None:
    login = StoredLogin(file, "p")
    login.request(URL)
    change_profile(file, "p", {"refresh_token": "new"})
    login.accept(TokenAnswer(access_token="t1", refresh_token="r2", expires_in=60))
    login.settled()
    assert read_profile(file, "p")["refresh_token"] == "new"


def test_without_a_refresh_token_it_ends(file: Path) -> None:
    change_profile(
        file,
        "p",
        {"refresh_token": None, "access_token": "t", "access_token_expires": PAST},
    )
    with connect(file, Scripted(answer(body={}))) as grantory:
        with pytest.raises(LoginFailed, match="grantory login --profile p"):
            grantory.tokens.me()
        assert FileLock(file.with_name("profiles.toml.p.lock")).take(0)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (refused(400, "invalid_grant"), TokenRefused),
        (refused(502), ServerError),
        (httpx.ReadError("gone"), ConnectionFailed),
    ],
)
def test_after_every_failure_the_next_program_may_renew(
    file: Path, failure: Step, kind: type[GrantoryError]
) -> None:
    script = Scripted(answer(body={}), tokens=[failure])
    with connect(file, script) as grantory:
        with pytest.raises(kind):
            grantory.tokens.me()
        lock = FileLock(file.with_name("profiles.toml.p.lock"))
        assert lock.take(0)
        with pytest.raises(LoginFailed, match="Another program"):
            grantory.tokens.me()
        lock.release()
    assert read_profile(file, "p")["refresh_token"] == "r1"


async def test_awaited_it_does_the_same(file: Path) -> None:
    script = Scripted(answer(body={}), tokens=[token("t1", refresh_token="r2")])
    hand = Hand()
    login = StoredLogin(file, "p", clock=lambda: hand.now)
    async with AsyncGrantory(
        URL, auth=login, transport=script.transport, runtime=hand.awaited
    ) as grantory:
        await grantory.tokens.me()
    assert read_profile(file, "p")["refresh_token"] == "r2"


def test_a_wait_that_is_given_up_holds_nothing(file: Path) -> None:
    lock = FileLock(file.with_name("profiles.toml.p.lock"))
    assert lock.take(0)
    login = StoredLogin(file, "p", wait_seconds=60)
    failures: list[LoginFailed] = []

    def wait() -> None:
        try:
            login.request(URL)
        except LoginFailed as failure:
            failures.append(failure)

    thread = threading.Thread(target=wait)
    thread.start()
    while thread.is_alive():
        login.give_up()
        thread.join(0.01)
    login.settled()
    lock.release()
    assert len(failures) == 1
    assert lock.take(0)
    lock.release()


class _Rotating(ThreadingHTTPServer):
    """Gives each refresh token one use, as Grantory does; a second one is noted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.newest = 1
        self.wrong: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, _Rotating)
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form["refresh_token"] != [f"r{server.newest}"]:
            server.wrong += form["refresh_token"]
        server.newest += 1
        # Every token is about to end, so that every program renews.
        text = (
            f'{{"access_token":"t{server.newest}","refresh_token":"r{server.newest}",'
            '"expires_in":1}'
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def rotating() -> Iterator[_Rotating]:
    with ExitStack() as stack:
        server = stack.enter_context(_Rotating())
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        stack.callback(server.shutdown)
        yield server


def renew(file: str, times: int) -> None:
    for _ in range(times):
        with Grantory(profile="p", auth=StoredLogin(Path(file), "p")) as grantory:
            grantory.access_token()


def test_programs_that_renew_at_once_never_use_a_refresh_token_twice(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRANTORY_PROFILES_FILE", str(file))
    with rotating() as server:
        change_profile(file, "p", {"url": f"http://127.0.0.1:{server.server_address[1]}"})
        programs = multiprocessing.get_context("fork")
        running = [programs.Process(target=renew, args=(str(file), 5)) for _ in range(4)]
        for each in running:
            each.start()
        for each in running:
            each.join()
        assert [each.exitcode for each in running] == [0] * 4
        assert (server.newest, server.wrong) == (21, [])
        assert read_profile(file, "p")["refresh_token"] == "r21"
