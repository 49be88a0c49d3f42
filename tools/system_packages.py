"""``make system-setup``: what the tests need from the system, by Debian's packages.

``make soak`` needs a load generator and strace besides.

The tests run PostgreSQL servers and browsers of their own; nothing here starts one, or connects
to one.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.virtual_environment import SetupError, say

POSTGRESQL_PROGRAMS = (
    *("initdb", "pg_basebackup", "postgres", "psql"),
    *("pg_ctl", "createuser", "createdb"),  # of docs/operations.md
)
DEBIAN_FOLDER = Path("/usr/lib/postgresql")
POSTGRES_VARIABLE = "GRANTORY_POSTGRES_BIN"
"""Names the folder of another version's programs."""
CLUSTER_DEFAULTS = Path("/etc/postgresql-common/createcluster.conf")
INSTALL_POSTGRESQL = (
    "The tests need PostgreSQL's server programs: apt install postgresql   (Debian, Ubuntu)"
)
CHROMIUM_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
INSTALL_CHROMIUM = (
    "The tests of the login pages need Chromium: apt install chromium   (Debian)\n"
    "Elsewhere install Chromium or Google Chrome, and name it in GRANTORY_CHROMIUM where it is "
    "not on PATH."
)
INSTALL_CURL = "The tests run the guides' shell commands, which need curl: apt install curl"
INSTALL_STRACE = "The trace of a change on its way to the disk needs strace: apt install strace"
INSTALL_H2LOAD = "The overload run needs h2load: apt install nghttp2-client   (Debian, Ubuntu)"


def set_up(arguments: list[str]) -> None:
    """Install what is missing, as root on Debian; elsewhere say what to install."""
    if not postgresql_programs():
        install_postgresql()
    if not chromium_program():
        _install_chromium()
    if not shutil.which("curl"):
        _install(INSTALL_CURL, "curl")
    if "soak" in arguments and sys.platform == "linux" and not shutil.which("strace"):
        _install(INSTALL_STRACE, "strace")
    if "soak" in arguments and not shutil.which("h2load"):
        _install(INSTALL_H2LOAD, "nghttp2-client")


def require_debian(otherwise: str) -> None:
    """Go on as root on Debian, or end with a message."""
    if not (shutil.which("apt-get") and os.geteuid() == 0):
        raise SetupError(otherwise)


def install_postgresql() -> None:
    """PostgreSQL's server programs, of which none is started."""
    require_debian(INSTALL_POSTGRESQL)
    say("Installing PostgreSQL from Debian's packages ...")
    _keep_debian_from_starting_a_server()
    apt_get(INSTALL_POSTGRESQL, "update")
    apt_get(INSTALL_POSTGRESQL, "install", "-y", "--no-install-recommends", "postgresql")
    if not postgresql_programs():
        raise SetupError(f"The package holds no server programs. {INSTALL_POSTGRESQL}")


def _install_chromium() -> None:
    if os.environ.get("GRANTORY_CHROMIUM"):
        raise SetupError("GRANTORY_CHROMIUM names no program.")
    require_debian(INSTALL_CHROMIUM)
    say("Installing Chromium from Debian's packages ...")
    apt_get(INSTALL_CHROMIUM, "update")
    apt_get(INSTALL_CHROMIUM, "install", "-y", "--no-install-recommends", "chromium")
    if not chromium_program():
        raise SetupError(f"The package holds no browser. {INSTALL_CHROMIUM}")


def _install(otherwise: str, package: str) -> None:
    require_debian(otherwise)
    say(f"Installing {package} from Debian's packages ...")
    apt_get(otherwise, "update")
    apt_get(otherwise, "install", "-y", "--no-install-recommends", package)


def chromium_program() -> str | None:
    """The browser that the tests drive: GRANTORY_CHROMIUM, else of PATH; None without."""
    named = os.environ.get("GRANTORY_CHROMIUM", "")
    names = (named,) if named else CHROMIUM_PROGRAMS
    return next(filter(None, map(shutil.which, names)), None)


def postgresql_programs() -> Path | None:
    """The folder with PostgreSQL's programs: GRANTORY_POSTGRES_BIN, else of PATH, else Debian's
    newest; None without.
    """
    if named := os.environ.get(POSTGRES_VARIABLE):
        return Path(named) if _is_complete(Path(named)) else None
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(DEBIAN_FOLDER.glob("*/bin"), key=_version, reverse=True)
    return next(filter(_is_complete, folders), None)


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in POSTGRESQL_PROGRAMS)


def _version(folder: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", folder.parent.name)]


def _keep_debian_from_starting_a_server() -> None:
    if not CLUSTER_DEFAULTS.exists():
        CLUSTER_DEFAULTS.parent.mkdir(parents=True, exist_ok=True)
        CLUSTER_DEFAULTS.write_text("create_main_cluster = false\n", encoding="utf-8")


def apt_get(otherwise: str, *arguments: str) -> None:
    """Run apt-get, and turn its failure into a message."""
    environment = {
        **os.environ,
        "DEBIAN_FRONTEND": "noninteractive",
        "UCF_FORCE_CONFFOLD": "1",  # the file above stays as it is
    }
    done = subprocess.run(
        ["apt-get", "-qq", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise SetupError(
            f"{(done.stdout + done.stderr)[-2000:]}\n"
            f"apt-get {arguments[0]} failed; its message is above. {otherwise}"
        )
