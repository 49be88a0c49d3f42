"""The processes of a PostgreSQL server: run as somebody else, stop, kill, stand still."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tools.system_packages import INSTALL_POSTGRESQL, postgresql_programs

# PostgreSQL refuses to run as root, so root runs it as the user of Debian's package.
USER = "postgres" if os.geteuid() == 0 else None
START_SECONDS = 60.0
STOP_SECONDS = 30.0
READY = {"ready", "standby"}
GONE = {"Z", "X"}  # states of a process, as /proc tells them
STILL = {"T", "t", *GONE}

# Waits until its standard input ends, which it does when the test process is gone, however
# that ended; then it ends the server, if that is still the one of this folder.
WATCHDOG = """
read -r line
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && tr '\\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$1/data"; then
    kill -CONT "$pid"; kill -QUIT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
rm -rf "$1"
"""


class PostgresFailedError(AssertionError):
    """A program of PostgreSQL did not do as it should; the text holds what it wrote."""


class Postmaster:
    """A folder for one server, and the processes that run in it."""

    def __init__(self) -> None:
        programs = postgresql_programs()
        if programs is None:
            raise PostgresFailedError(INSTALL_POSTGRESQL)
        self._programs = programs
        self._process: subprocess.Popen[bytes] | None = None
        self._temporary = tempfile.TemporaryDirectory(prefix="grantory-postgres-")
        self.folder = Path(self._temporary.name)
        self.data = self.folder / "data"
        self._log_file = self.folder / "server.log"
        self.hand_over(self.folder)
        self._watchdog = subprocess.Popen(
            ["/bin/sh", "-c", WATCHDOG, "watchdog", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    @property
    def running(self) -> bool:
        """Whether the postmaster lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """The process id of the postmaster."""
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    def hand_over(self, path: Path) -> None:
        """Give a file to the user whom the server runs as."""
        if USER:
            shutil.chown(path, USER)

    def run(
        self, program: str, *arguments: str, text: str = "", password: str = "", seconds: float = 60
    ) -> str:
        """Run one of PostgreSQL's programs to its end, and answer what it wrote."""
        try:
            done = subprocess.run(
                [self._programs / program, *arguments],
                input=text,
                capture_output=True,
                text=True,
                timeout=seconds,
                check=False,
                cwd=self.folder,
                env=self._environment({"PGPASSWORD": password} if password else {}),
                user=USER,
                group=USER,
                extra_groups=[] if USER else None,
            )
        except subprocess.TimeoutExpired:
            raise PostgresFailedError(f"{program} took more than {seconds} s: {text}") from None
        if done.returncode:
            raise PostgresFailedError(f"{program} failed: {done.stderr or done.stdout}")
        return done.stdout.strip()

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        assert not self.running, "the server runs already"
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self._environment({}),
                start_new_session=True,
                user=USER,
                group=USER,
                extra_groups=[] if USER else None,
            )
        wait_for(self._is_ready, "the server to be ready", START_SECONDS, self.log_text)

    def stop(self, number: signal.Signals) -> None:
        """End the server by a signal to the postmaster, and wait for it."""
        assert self._process is not None, "the server has not been started"
        self.resume()  # one that stands still would not hear
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise PostgresFailedError(
                f"not gone {STOP_SECONDS} s after {number.name}:\n{self.log_text()[-8000:]}"
            ) from None

    def kill(self) -> None:
        """End every process with SIGKILL at once, as a power cut does, and wait for it."""
        if self._process is None or not self.running:
            return
        family = self._stand_still()
        for process_id in family:
            _send(process_id, signal.SIGKILL)
        self._process.wait()
        wait_for(lambda: not any(map(_lives, family)), "killed processes to go", STOP_SECONDS)
        self._remove_shared_memory()

    def pause(self) -> None:
        """Make every process stand still: connections stay open, nobody answers."""
        family = self._stand_still()
        for process_id in family:
            _send(process_id, signal.SIGSTOP)
        wait_for(lambda: all(_state(one)[0] in STILL for one in family), "the server to pause")

    def resume(self) -> None:
        """Let a server that was paused go on."""
        for process_id in reversed(_family(self.process_id)):
            _send(process_id, signal.SIGCONT)

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        self._temporary.cleanup()
        self._watchdog.communicate()

    def log_text(self) -> str:
        """All that the server has logged."""
        try:
            return self._log_file.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def _is_ready(self) -> bool:
        if not self.running:
            raise PostgresFailedError(f"it did not start:\n{self.log_text()[-8000:]}")
        lines = self._pid_file()
        # Line 1 tells whether it is the file of this start, line 8 how far it has come.
        return len(lines) >= 8 and lines[0] == str(self.process_id) and lines[7].strip() in READY

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []

    def _stand_still(self) -> list[int]:
        """Stop the postmaster, so that it forks no more, and answer all processes."""
        _send(self.process_id, signal.SIGSTOP)
        wait_for(lambda: _state(self.process_id)[0] in STILL, "the postmaster to pause")
        return _family(self.process_id)

    def _remove_shared_memory(self) -> None:
        # What a killed server leaves; the next start would remove it, but may never come.
        lines = self._pid_file()
        if len(lines) >= 7 and len(lines[6].split()) == 2:
            ctypes.CDLL(None).shmctl(int(lines[6].split()[1]), 0, None)  # 0 is IPC_RMID

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {**kept, "LC_ALL": "C.UTF-8", "HOME": str(self.folder), **more}


def wait_for(
    condition: Callable[[], bool],
    what: str,
    seconds: float = START_SECONDS,
    log_text: Callable[[], str] = lambda: "",
) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise PostgresFailedError(f"waited {seconds} s for {what}\n{log_text()[-8000:]}")
        time.sleep(0.01)


def _send(process_id: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process_id, number)


def _state(process_id: int) -> tuple[str, int]:
    """The letter of a process's state, Z when it is gone, and its parent."""
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text("utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return "Z", 0
    state, parent = stat.rpartition(")")[2].split()[:2]
    return state, int(parent)


def _lives(process_id: int) -> bool:
    return _state(process_id)[0] not in GONE


def _family(process_id: int) -> list[int]:
    """A process and its children, itself first."""
    return [process_id, *(child for child in _processes() if _state(child)[1] == process_id)]


def _processes() -> Iterator[int]:
    return (int(path.name) for path in Path("/proc").glob("[0-9]*"))
