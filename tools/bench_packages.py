"""``make bench-setup``: the servers that the benchmarks compare with, apart from the project.

``.bench/python``                         a virtual environment with the Python ones, and Node.js
``.bench/node/node_modules``              the one for Node.js
``.bench/glewlwyd``                       the one in C, taken out of Debian's packages
"""

import shutil
import subprocess
from pathlib import Path

from tools import system_packages
from tools.compat_packages import Node, run_npm
from tools.virtual_environment import ROOT, SetupError, VirtualEnvironment, digest, say

BENCH = ROOT / ".bench"
PYTHON_PEERS = VirtualEnvironment(BENCH / "python")
NODE_SOURCE = ROOT / "benchmarks" / "peers" / "node"
NODE_TARGET = BENCH / "node"
NODE_FILES = ("package.json", "package-lock.json", ".npmrc")
GLEWLWYD = BENCH / "glewlwyd"
INSTALL_WRK = (
    "The benchmarks need the load generator wrk: apt install wrk   (Debian, Ubuntu)\n"
    "elsewhere:                                  brew install wrk  (macOS)"
)


def set_up(arguments: list[str]) -> None:
    """Everything; with ``quick`` only what no run can do without."""
    BENCH.mkdir(exist_ok=True)
    if not system_packages.postgresql_programs():
        system_packages.install_postgresql()
    if not shutil.which("wrk"):
        _install_wrk()
    if "quick" not in arguments:
        PYTHON_PEERS.ensure()
        PYTHON_PEERS.install("peers", [ROOT / "requirements" / "peers.lock"])
        _set_up_node()
        _set_up_glewlwyd()


def _install_wrk() -> None:
    system_packages.require_debian(INSTALL_WRK)
    say("Installing wrk from Debian's packages ...")
    system_packages.apt_get(INSTALL_WRK, "update")
    system_packages.apt_get(INSTALL_WRK, "install", "-y", "--no-install-recommends", "wrk")


def _set_up_node() -> None:
    wanted = digest(NODE_SOURCE / name for name in NODE_FILES)
    stamp = NODE_TARGET / "stamp"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    say(f"Installing oidc-provider into {NODE_TARGET.relative_to(ROOT)} ...")
    NODE_TARGET.mkdir(exist_ok=True)
    for name in NODE_FILES:
        shutil.copyfile(NODE_SOURCE / name, NODE_TARGET / name)
    node = Node(PYTHON_PEERS.bin / "node", PYTHON_PEERS.bin / "npm")
    run_npm(node, ["ci", "--no-progress", "--silent"], NODE_TARGET)
    stamp.write_text(wanted, encoding="utf-8")


def _set_up_glewlwyd() -> None:
    """Takes the files out of the packages: nothing is installed, no service is started."""
    version = GLEWLWYD / "version"
    if version.exists() or not shutil.which("apt-get"):
        return
    packages = BENCH / "packages"
    say(f"Taking glewlwyd out of Debian's packages into {GLEWLWYD.relative_to(ROOT)} ...")
    shutil.rmtree(GLEWLWYD, ignore_errors=True)
    shutil.rmtree(packages, ignore_errors=True)
    (packages / "partial").mkdir(parents=True)
    command = ["apt-get", "-qq", "-y", "--no-install-recommends", "--download-only"]
    command += ["-o", f"Dir::Cache::archives={packages}", "-o", "Debug::NoLocking=1"]
    done = subprocess.run(
        [*command, "install", "glewlwyd", "sqlite3"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["apt-get failed"])[-1]
        say(f"No glewlwyd, so it is not measured: {why}")
        return
    for package in sorted(packages.glob("*.deb")):
        _unpack(package, GLEWLWYD)
        if package.name.startswith("glewlwyd_"):
            version.write_text(package.name.split("_")[1] + "\n", encoding="utf-8")
    shutil.rmtree(packages)


def _unpack(package: Path, folder: Path) -> None:
    if subprocess.run(["dpkg-deb", "-x", package, folder], check=False).returncode:
        raise SetupError(f"{package.name} could not be unpacked; dpkg-deb's message is above.")
