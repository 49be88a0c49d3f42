"""A machine to install on: this one, with what is written to its system's folders thrown away."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.barred import SYS_ADMIN, barred
from tests.support.ports import HOST, free_port
from tests.support.soak import soaking

SYSTEMCTL: Final = Path(__file__).with_name("systemctl.py")
WRITTEN: Final = ("/etc", "/opt", "/usr/local/bin", "/var/lib")
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
DONE: Final = "the block has ended with"

# The program of the clone with the packages of this run, which no registry is asked for.
MAKE: Final = """#!/bin/sh
set -eu
test "$1 $3" = "-C setup"
mkdir -p "$2/.venv/bin"
cat >"$2/.venv/bin/grantory" <<END
#!/bin/sh
export LD_LIBRARY_PATH=/opt/python/lib
export PYTHONPATH="$2/src:$2/sdk/src:/opt/packages"
exec /opt/python/bin/{python} -m grantory "\\$@"
END
chmod +x "$2/.venv/bin/grantory"
"""


class Machine:
    """A shell of root, whose files and processes are gone when it ends."""

    def __init__(self, shell: "subprocess.Popen[str]", folder: Path, port: int) -> None:
        self._shell = shell
        self._folder = folder
        self.port = port
        """On which the service listens."""

    @property
    def url(self) -> str:
        """The service's address."""
        return f"http://{HOST}:{self.port}"

    def run(self, code: str, folder: Path | None = None) -> str:
        """What a shell prints that is given a block; every command must end well."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        begin = f"set -euo pipefail; cd '{folder or self._folder}'"
        end = f"printf '\\n%s %s\\n' '{DONE}' $?"
        self._shell.stdin.write(f"( {begin}\n{code}\n) </dev/null 2>&1\n{end}\n")
        self._shell.stdin.flush()
        lines: list[str] = []
        for line in self._shell.stdout:
            if line.startswith(DONE):
                assert line.removeprefix(DONE).strip() == "0", "".join(lines) + self.log_text()
                return "".join(lines)
            lines.append(line)
        raise AssertionError(f"the shell has ended: {''.join(lines)}")

    def log_text(self) -> str:
        """What the service has said."""
        log = self._folder / "service.log"
        return log.read_text("utf-8") if log.exists() else ""


@contextmanager
def a_machine(folder: Path) -> Iterator[Machine]:
    """A machine; the folder holds what is laid over its system's folders."""
    programs = folder / "programs"
    programs.mkdir(parents=True)
    _write(programs / "systemctl", f'#!/bin/sh\nexec {sys.executable} {SYSTEMCTL} "$@"\n')
    if not soaking():
        python = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
        _write(programs / "make", MAKE.format(python=python.name))
    port = free_port()
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("GRANTORY_", "PYTHON"))}
    ours = {"SERVICE_LOG": str(folder / "service.log"), "SERVICE_PORT": str(port)}
    with subprocess.Popen(
        ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "bash"],
        env={**kept, **ours, "PATH": f"{programs}:{PATH}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as shell:
        try:
            machine = Machine(shell, folder, port)
            try:
                machine.run(_overlays(folder))
            except (AssertionError, BrokenPipeError) as error:
                barred(f"file systems cannot be laid over others: {error}", SYS_ADMIN)
            yield machine
        finally:
            shell.kill()


def _overlays(folder: Path) -> str:
    lines: list[str] = []
    for number, place in enumerate(WRITTEN):
        upper, work = folder / f"upper{number}", folder / f"work{number}"
        options = f"lowerdir={place},upperdir={upper},workdir={work}"
        lines.append(f"mkdir '{upper}' '{work}'")
        lines.append(f"mount -t overlay overlay -o '{options}' {place}")
    # Where the service's user can read them.
    bound = {"python": sys.base_prefix, "packages": sysconfig.get_path("purelib")}
    for name, path in bound.items():
        lines.append(f"mkdir /opt/{name}; mount --bind '{path}' /opt/{name}")
    return "\n".join(lines)


def _write(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    file.chmod(0o755)
