"""Disks that are full: by a limit, which every system has, and by a small file system."""

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
def small_file_system(folder: Path, size: int) -> Iterator[bool]:
    """A file system of so many bytes on a folder; whether the system lets this process mount."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
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
