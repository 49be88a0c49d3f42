"""Rounds of every work in turn, and what follows from them."""

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.disturbance import Usage, others, usage_now
from benchmarks.key import FLOOR, GRANTORY, Key
from benchmarks.spread import Spread, spread
from benchmarks.supply import Supply
from benchmarks.work import Scene, Work
from benchmarks.wrk import Bodies, NoAnswerError, Sample

Load = Callable[[Work, int, Bodies | None], Sample]


class Plan(msgspec.Struct, frozen=True):
    """How long and how often."""

    rounds: int
    seconds: int
    warm_up: int
    connections: int = 64


FULL = Plan(rounds=20, seconds=1, warm_up=2)
QUICK = Plan(rounds=3, seconds=1, warm_up=1)
FIRST_GUESS = 6_000
"""Requests in a second, as long as nothing is known."""
SURPLUS = 2
MOST_SECONDS = 16
"""So long a server may take for its first answer."""


class Result(msgspec.Struct, frozen=True):
    """A work with a sample of each round in which it was measured, by the round's number."""

    key: Key
    samples: dict[int, Sample]
    idle_memory: float
    """Of its server, in MB, before the first request of the run."""
    memory: float
    """The most that was seen after a round of this work."""
    beside: dict[int, Sample] = {}
    """By round, the floor just before it: of what is compared with the floor."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return statistics.median(sample.rate for sample in self.samples.values())

    @property
    def p50(self) -> float:
        """Half of the requests took at most so many milliseconds."""
        return statistics.median(sample.p50 for sample in self.samples.values())

    @property
    def p90(self) -> float:
        """Of ten requests, 9 took at most so many milliseconds."""
        return statistics.median(sample.p90 for sample in self.samples.values())

    @property
    def p99(self) -> float:
        """Of a hundred requests, 99 took at most so many milliseconds."""
        return self.p99_spread.median

    @property
    def p99_spread(self) -> Spread:
        """Between its rounds."""
        return spread([sample.p99 for sample in self.samples.values()])

    @property
    def errors(self) -> int:
        """Requests that failed, in all rounds together."""
        return sum(sample.errors for sample in self.samples.values())


class Measured(msgspec.Struct, frozen=True):
    """A whole run."""

    results: tuple[Result, ...]
    """The floor first."""
    lost_creates: int
    """Clients whose creation was answered, and that were not there at the end."""
    others: float
    """The share of the machine that other programs took meanwhile."""
    missing: dict[str, str]
    """What could not be measured, and why."""

    @property
    def failures(self) -> int:
        """What of ours did not go as it must; 0 in a run that counts."""
        ours = (each for each in self.results if is_ours(each.key))
        beside = (each for result in self.results for each in result.beside.values())
        return (
            sum(result.errors for result in ours)
            + sum(sample.errors for sample in beside)
            + self.lost_creates
        )

    def result(self, key: Key) -> Result | None:
        """The result of a work, if it was measured."""
        return next((result for result in self.results if result.key == key), None)


def is_ours(key: Key) -> bool:
    """Tells whether it is a Grantory, or a floor, and no peer."""
    return key.subject.startswith(GRANTORY) or key.work == FLOOR.work


def ratio(result: Result, base: Result) -> Spread:
    """Compares round by round: what disturbs the machine disturbs both alike.

    Compared with the floor, a work goes with what was measured just before it.

    Raises:
        ValueError: when they have no round in common.
    """
    samples = result.beside if base.key == FLOOR and result.beside else base.samples
    both = sorted(result.samples.keys() & samples.keys())
    if not both:
        raise ValueError(f"{result.key} and {base.key} have no round in common")
    shares = [result.samples[number].rate / samples[number].rate for number in both]
    return spread(shares)


def measure(
    scene: Scene, plan: Plan, load: Load, folder: Path, progress: Callable[[str], None]
) -> Measured:
    """Runs A B C … A B C … and gathers the samples."""
    idle = {server: server.memory() for server in scene.servers}
    there_before = {subject: maker.count_clients() for subject, maker in scene.makers.items()}
    created = dict.fromkeys(scene.makers, 0)
    usage, started = _usage(scene), time.monotonic()
    samples: dict[Key, dict[int, Sample]] = {work.key: {} for work in scene.works}
    beside: dict[Key, dict[int, Sample]] = {key: {} for key in samples}
    memory = dict.fromkeys(samples, 0.0)
    rates: dict[Key, float] = {}
    given_up: dict[Key, str] = {}
    for number in range(plan.rounds + 1):
        for work in scene.works:
            if number % min(work.every, plan.rounds) or work.key in given_up:
                continue
            progress(
                f"{f'round {number} of {plan.rounds}' if number else 'warming up'}: {work.key}"
            )
            seconds = plan.seconds if number else plan.warm_up
            expected = rates.get(work.key, FIRST_GUESS) * seconds
            bodies = write_bodies(work.supply, expected, plan.connections, folder)
            if number and work.paired:
                beside[work.key][number] = load(scene.works[0], seconds, None)
            try:
                sample = _patiently(load, work, seconds, bodies)
            except NoAnswerError:
                if is_ours(work.key):
                    raise
                given_up[work.key] = f"no answer in {MOST_SECONDS} s"
                continue
            work.server.empty_log()
            rates[work.key] = max(rates.get(work.key, 0.0), sample.rate)
            if work.key.work == "create" and work.key.subject in created:
                created[work.key.subject] += sample.requests - sample.errors
            if number:
                samples[work.key][number] = sample
                memory[work.key] = max(memory[work.key], work.server.memory())
    seconds_in_all = time.monotonic() - started
    disturbed = others(usage, _usage(scene), seconds_in_all, os.cpu_count() or 1)
    lost = 0
    for subject, maker in scene.makers.items():
        lost += max(0, created[subject] - (maker.count_clients() - there_before[subject]))
    missing = {str(key): why for key, why in {**scene.missing, **given_up}.items()}
    idle_of = {work.key: idle[work.server] for work in scene.works}
    results = _results(scene.works, samples, idle_of, memory, beside)
    return Measured(results, lost, disturbed, missing)


def _patiently(load: Load, work: Work, seconds: int, bodies: Bodies | None) -> Sample:
    """Waits longer for what is so slow that nothing was answered in time."""
    while True:
        try:
            return load(work, seconds, bodies)
        except NoAnswerError:
            seconds *= 2
            if seconds > MOST_SECONDS:
                raise


def write_bodies(
    supply: Supply | None, expected: float, connections: int, folder: Path
) -> Bodies | None:
    """Has bodies made for a run of wrk.

    Args:
        supply: makes them; None where all requests are alike.
        expected: so many requests will be answered.
        connections: so many wait at any time.
        folder: where the file goes, in the place of the one before.
    """
    if supply is None:
        return None
    count = connections * 4 + (0 if supply.rotates else int(expected * SURPLUS))
    file = folder / "bodies"
    file.write_text("".join(f"{body}\n" for body in supply.make(count)), "utf-8")
    return Bodies(file, supply.rotates)


def _usage(scene: Scene) -> Usage:
    servers = [number for server in scene.servers for number in server.process_ids()]
    return usage_now(
        [*servers, *(each for site in scene.sites for each in site.database_processes)]
    )


def _results(
    works: Sequence[Work],
    samples: Mapping[Key, dict[int, Sample]],
    idle: Mapping[Key, float],
    memory: Mapping[Key, float],
    beside: Mapping[Key, dict[int, Sample]],
) -> tuple[Result, ...]:
    return tuple(
        Result(work.key, samples[work.key], idle[work.key], memory[work.key], beside[work.key])
        for work in works
        if samples[work.key]
    )
