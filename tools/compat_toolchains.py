"""``make compat-toolchains``: official SDKs that need a toolchain of their own.

``.compat/java/lib``       the Java SDK and what it needs, exactly as jars.lock says
``.compat/java/classes``   the driver of the tests, compiled

A toolchain that is missing is an error that says what to install: nothing is left out silently.
"""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from tools.virtual_environment import ROOT, SetupError, digest, say

SOURCE = ROOT / "tests" / "compat" / "toolchains" / "java"
DRIVER = SOURCE / "Driver.java"
LOCK = SOURCE / "jars.lock"
TARGET = ROOT / ".compat" / "java"
OLDEST_JAVA = 11
INSTALL = (
    f"make compat-toolchains needs a JDK {OLDEST_JAVA} or newer and Maven: {{what}}.\n"
    "Debian, Ubuntu:   apt install default-jdk-headless maven\n"
    "macOS:            brew install openjdk maven"
)


def set_up(_arguments: list[str]) -> None:
    """Put the Java SDK and its driver where the tests look for them, unless they are there."""
    version = _java_version()
    wanted = f"{digest([SOURCE / 'pom.xml', LOCK, DRIVER])} {version}"
    stamp = TARGET / "stamp"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    stamp.unlink(missing_ok=True)
    if not _holds_the_jars(TARGET / "lib"):
        _download()
    _compile()
    stamp.write_text(wanted, encoding="utf-8")


def _java_version() -> str:
    for program in ("java", "javac", "mvn"):
        if not shutil.which(program):
            raise SetupError(INSTALL.format(what=f"{program} is not on PATH"))
    asked = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=False)
    text = (asked.stdout or asked.stderr).strip()
    match = re.match(r"javac (\d+)", text)
    if asked.returncode or not match or int(match[1]) < OLDEST_JAVA:
        raise SetupError(INSTALL.format(what=f"javac -version says {text!r}"))
    return text


def _download() -> None:
    say(f"Downloading the Java SDK into {TARGET.relative_to(ROOT)} ...")
    library, repository = TARGET / "lib", TARGET / "repository"
    shutil.rmtree(library, ignore_errors=True)
    library.mkdir(parents=True)
    command: list[str | Path] = [
        "mvn",
        "--quiet",
        "--batch-mode",
        "--strict-checksums",
        "-Dstyle.color=never",
    ]
    command += ["--file", SOURCE / "pom.xml", f"-Dmaven.repo.local={repository}"]
    command += ["dependency:copy-dependencies", f"-DoutputDirectory={library}"]
    done = subprocess.run(command, cwd=SOURCE, check=False)
    shutil.rmtree(repository, ignore_errors=True)
    if done.returncode:
        raise SetupError(
            "Maven failed; its message is above. If it is about the network, check the "
            "connection and run the same command again."
        )
    if not _holds_the_jars(library):
        raise SetupError(f"What Maven brought is not what {LOCK.relative_to(ROOT)} says.")


def _holds_the_jars(library: Path) -> bool:
    """Whether a folder holds exactly the jars of the lock file, byte for byte."""
    found = {path.name: path for path in library.glob("*")}
    lines = [line.split() for line in LOCK.read_text("ascii").splitlines()]
    wanted = {name: checksum for checksum, name in lines}
    return found.keys() == wanted.keys() and all(
        hashlib.sha256(path.read_bytes()).hexdigest() == wanted[name]
        for name, path in found.items()
    )


def _compile() -> None:
    classes = TARGET / "classes"
    shutil.rmtree(classes, ignore_errors=True)
    command: list[str | Path] = ["javac", "-Xlint:all,-processing,-classfile", "-Werror"]
    command += ["-cp", f"{TARGET / 'lib'}/*", "-d", classes, DRIVER]
    if subprocess.run(command, check=False).returncode:
        raise SetupError(f"{DRIVER.relative_to(ROOT)} could not be compiled.")
