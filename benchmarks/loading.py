"""Load for a part of the capacity run, with the processor time that it cost."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from benchmarks.disturbance import processor_seconds
from benchmarks.pinning import Cores
from benchmarks.scene import FEW_CONNECTIONS
from benchmarks.servers import Server
from benchmarks.wrk import Bodies, Sample, Target, run_wrk


class Loader(NamedTuple):
    """How load is made."""

    wrk: str
    cores: Cores
    rounds: int
    seconds: int
    failures: list[str]
    """What did not go as it must is put here; nothing in a run that counts."""
    connections: int = 64

    def asking_the_store(self, store: str) -> "Loader":
        """The same with as few connections as none is refused with (docs/adr/0009)."""
        return self._replace(connections=FEW_CONNECTIONS[store])

    @property
    def unpinned(self) -> "Loader":
        """The same on whatever core is free."""
        return self._replace(cores=Cores(None, None))


class Cost(NamedTuple):
    """What was answered, and what each answer took of processors."""

    sample: Sample
    microseconds: float
    """Of the server's processes."""
    database_microseconds: float


def load(
    loader: Loader,
    server: Server,
    target: Target,
    *,
    database: tuple[int, ...] = (),
    bodies: Bodies | None = None,
) -> Cost:
    """Sends one kind of request, and looks what it costs."""
    processes = tuple(server.process_ids())
    before, database_before = processor_seconds(processes), processor_seconds(database)
    sample = run_wrk(
        loader.wrk, target, loader.seconds, loader.connections, loader.cores.load, bodies
    )
    seconds = processor_seconds(processes) - before
    database_seconds = processor_seconds(database) - database_before
    server.empty_log()
    _note(loader, server.name, target, sample)
    served = sample.served
    return Cost(sample, seconds / served * 1e6, database_seconds / served * 1e6)


def load_each(loader: Loader, targets: tuple[Target, ...]) -> float:
    """Sends to several servers at the same time; answers the requests per second of all."""
    share = loader.connections // len(targets)
    with ThreadPoolExecutor(len(targets)) as threads:
        samples = threads.map(
            lambda target: run_wrk(loader.wrk, target, loader.seconds, share, loader.cores.load),
            targets,
        )
        rate = 0.0
        for target, sample in zip(targets, samples, strict=True):
            _note(loader, "one of several", target, sample)
            rate += sample.rate
        return rate


def _note(loader: Loader, name: str, target: Target, sample: Sample) -> None:
    if sample.errors:
        path = "/" + target.url.split("/", 3)[3]
        what = f"{target.method} {path} at {name}"
        loader.failures.append(f"{sample.errors} of {sample.requests} {what}")


def folder_bytes(folder: Path) -> int:
    """What the files of a folder hold."""
    return sum(entry.stat().st_size for entry in os.scandir(folder) if entry.is_file())
