"""Rounds of every work in turn, and what follows from them."""

import os
import statistics
import time
from collections.abc import Callable, Sequence

import msgspec

from benchmarks.disturbance import Usage, others, usage_now
from benchmarks.scene import Scene, Work
from benchmarks.wrk import Sample

Load = Callable[[Work, int], Sample]


class Plan(msgspec.Struct, frozen=True):
    """How long and how often."""

    rounds: int
    seconds: int
    warm_up: int
    connections: int = 64


FULL = Plan(rounds=12, seconds=2, warm_up=2)
QUICK = Plan(rounds=5, seconds=1, warm_up=1)


class Ratio(msgspec.Struct, frozen=True):
    """Shares of the floor, each measured in the same round as the floor it is a share of."""

    median: float
    least: float
    most: float


class Result(msgspec.Struct, frozen=True):
    """A work with a sample of each round."""

    name: str
    samples: tuple[Sample, ...]
    memory: float
    """Of its server, in MB: the most that was seen after a round of this work."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return statistics.median(sample.rate for sample in self.samples)

    @property
    def p50(self) -> float:
        """Half of the requests took at most so many milliseconds."""
        return statistics.median(sample.p50 for sample in self.samples)

    @property
    def p99(self) -> float:
        """Of a hundred requests, 99 took at most so many milliseconds."""
        return statistics.median(sample.p99 for sample in self.samples)

    @property
    def errors(self) -> int:
        """Requests that failed, in all rounds together."""
        return sum(sample.errors for sample in self.samples)


class Measured(msgspec.Struct, frozen=True):
    """A whole run."""

    results: tuple[Result, ...]
    """The floor first."""
    idle_memory: float
    lost_creates: int
    """Clients whose creation was answered, and that were not there at the end."""
    others: float
    """The share of the machine that other programs took meanwhile."""

    @property
    def failures(self) -> int:
        """Everything that did not go as it must; 0 in a run that counts."""
        return sum(result.errors for result in self.results) + self.lost_creates


def ratio(result: Result, floor: Result) -> Ratio:
    """Compares round by round: what disturbs the machine disturbs both alike."""
    shares = [
        sample.rate / base.rate for sample, base in zip(result.samples, floor.samples, strict=True)
    ]
    return Ratio(statistics.median(shares), min(shares), max(shares))


def measure(scene: Scene, plan: Plan, load: Load, progress: Callable[[str], None]) -> Measured:
    """Runs A B C … A B C … and gathers the samples."""
    idle = scene.grantory.memory()
    there_before = scene.maker.count_clients()
    created = 0
    usage, started = _usage(scene), time.monotonic()
    samples: dict[str, list[Sample]] = {work.name: [] for work in scene.works}
    memory = dict.fromkeys(samples, 0.0)
    for number in range(plan.rounds + 1):
        progress(f"round {number} of {plan.rounds}" if number else "warming up")
        for work in scene.works:
            sample = load(work, plan.seconds if number else plan.warm_up)
            work.server.empty_log()
            if work.name == "create":
                created += sample.requests - sample.errors
            if number:
                samples[work.name].append(sample)
                memory[work.name] = max(memory[work.name], work.server.memory())
    seconds = time.monotonic() - started
    disturbed = others(usage, _usage(scene), seconds, os.cpu_count() or 1)
    kept = scene.maker.count_clients() - there_before
    results = _results(scene.works, samples, memory)
    return Measured(results, idle, max(0, created - kept), disturbed)


def _usage(scene: Scene) -> Usage:
    servers = {work.server for work in scene.works}
    return usage_now(number for server in servers for number in server.process_ids())


def _results(
    works: Sequence[Work], samples: dict[str, list[Sample]], memory: dict[str, float]
) -> tuple[Result, ...]:
    return tuple(Result(work.name, tuple(samples[work.name]), memory[work.name]) for work in works)
