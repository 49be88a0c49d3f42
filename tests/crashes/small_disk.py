"""Disks that are full, by a limit or as a small file system, and files that nobody may write."""

import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.barred import SYS_ADMIN, barred
from tests.support.server import RunningServer


@contextmanager
def file_limit(server: RunningServer, size: int) -> Iterator[None]:
    """Let no file of a server with workers grow beyond a size; it may again when this ends."""
    unlimited = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in server.workers()}
    for pid, (_, hard) in unlimited.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        for pid, limits in unlimited.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


@contextmanager
def small_file_system(folder: Path, size: int) -> Iterator[None]:
    """A file system of so many bytes on a folder; a test that may not mount ends here."""
    folder.mkdir(exist_ok=True)
    options = f"size={size},mode=700"
    failure = failure_of("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    if failure:
        barred(f"a file system cannot be mounted: {failure}", SYS_ADMIN)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """A file that leaves no room in a file system, until this ends."""
    ballast = folder / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        yield
    finally:
        ballast.unlink()


@contextmanager
def unwritable(*files: Path) -> Iterator[None]:
    """Files that nobody may write, not even who has them open, as on a disk made read-only.

    No mode does that to root, and nothing is remounted while files are open for writing. A test
    ends here where the system or the kind of file system knows no such attribute.
    """
    _try_on(files[0].with_name("probe"))
    try:
        for file in files:
            assert not failure_of("chattr", "+i", str(file))
        yield
    finally:
        for file in files:
            assert not failure_of("chattr", "-i", str(file))


def _try_on(probe: Path) -> None:
    """See whether the attribute holds for a file that is open already, as on ext4."""
    failure = ""
    with probe.open("wb", buffering=0) as file:
        try:
            failure = failure_of("chattr", "+i", str(probe))
            if not failure:
                os.write(file.fileno(), b"x")
                failure = "files that are open can still be written on this file system"
        except OSError:
            pass
        finally:
            failure_of("chattr", "-i", str(probe))
            probe.unlink()
    if failure:
        barred(f"files cannot be made unwritable: {failure}")


def failure_of(*command: str) -> str:
    """Run a command; what it said where it failed, or that it is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"there is no {command[0]}"
    return (done.stderr.strip() or "it failed").splitlines()[0] if done.returncode else ""
