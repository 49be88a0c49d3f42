"""The benchmarks' own logic; no load generator is needed for it."""

import json
from xml.etree import ElementTree

import msgspec
import pytest

from benchmarks.disturbance import TICKS, Usage, others, read_machine
from benchmarks.floor_app import BODY, floor_app
from benchmarks.goals import Goal
from benchmarks.key import FLOOR, Key
from benchmarks.machine import Machine
from benchmarks.measurement import QUICK, Measured, Result, ratio
from benchmarks.peers.reasons import GLEWLWYD, WORKS, reason
from benchmarks.peers.works import PEERS, not_measured
from benchmarks.plot import picture
from benchmarks.report import (
    Run,
    against_peers,
    as_json,
    heading,
    missed,
    other_goals,
    read,
    table,
)
from benchmarks.scene import every
from benchmarks.spread import spread
from benchmarks.wrk import Sample, Target, read_sample

LINE = (
    '{"requests":%d,"microseconds":2000000,"p50":1500,"p90":2500,"p99":4250,'
    '"refused":%d,"broken":%d}\n'
)
MACHINE = Machine(2, "A processor", "Linux x86_64", {"python": "3.11.7"})


def result(key: Key, *rates: int, errors: int = 0, p99: float = 4.0, every: int = 1) -> Result:
    samples = {
        number * every: Sample(rate, 1.0, 1.5, 2.5, p99, errors)
        for number, rate in enumerate(rates, 1)
    }
    return Result(key, samples, 45.0, 50.0)


TOKEN = Key("Grantory, SQLite", "token")
PEER = Key("oidc-provider, memory", "token")


def measured(*further: Result, lost: int = 0, foreign: float = 0.01) -> Measured:
    floor, token = result(FLOOR, 40_000, 20_000), result(TOKEN, 20_000, 12_000)
    return Measured((floor, token, *further), lost, foreign, {"JWT token": "none"})


def run(found: Measured, *, pinned: bool = True) -> Run:
    return Run("2026-01-31", MACHINE, QUICK, pinned, found)


def test_the_last_line_of_wrk_is_read() -> None:
    sample = read_sample("Running 2s test @ http://127.0.0.1\n" + LINE % (80_000, 2, 1))

    assert sample == Sample(requests=80_000, seconds=2.0, p50=1.5, p90=2.5, p99=4.25, errors=3)
    assert sample.rate == 39_998.5  # what failed does not count


@pytest.mark.parametrize(
    "output", ["", "unable to connect\n", '{"requests":1}\n', LINE % (0, 0, 0)]
)
def test_a_run_that_measured_nothing_is_an_error(output: str) -> None:
    with pytest.raises(RuntimeError, match="wrk"):
        read_sample(output)


def test_ratios_are_taken_round_by_round() -> None:
    # The medians are 20,000 and 10,000; no round had that ratio.
    floor, work = result(FLOOR, 40_000, 20_000, 10_000), result(TOKEN, 10_000, 8_000, 6_000)

    shares = ratio(work, floor)

    assert (shares.median, shares.least, shares.most) == (0.4, 0.25, 0.6)


def test_a_peer_is_compared_in_the_rounds_that_it_has() -> None:
    floor, peer = result(FLOOR, 1, 40_000, 1, 20_000), result(PEER, 4_000, 4_000, every=2)

    shares = ratio(peer, floor)

    assert (shares.least, shares.most) == (0.1, 0.2)


def test_a_share_is_of_the_floor_just_before_and_its_errors_count() -> None:
    floor, work = result(FLOOR, 40_000, 20_000), result(TOKEN, 10_000, 10_000)
    paired = msgspec.structs.replace(work, beside=result(FLOOR, 20_000, 40_000, errors=1).samples)

    assert (ratio(work, floor).least, ratio(work, floor).most) == (0.25, 0.5)
    assert ratio(paired, floor).low == pytest.approx(0.25, rel=0.001)
    assert ratio(paired, result(PEER, 5_000, 5_000)).median == 2
    assert Measured((floor, paired), 0, 0.0, {}).failures == 2


def test_ratios_need_a_round_in_common() -> None:
    with pytest.raises(ValueError, match="no round in common"):
        ratio(result(PEER, 1, every=2), result(FLOOR, 1))


def test_goals_are_told_from_both_sides() -> None:
    high, low = Goal(0.42, 0.55), Goal(8, 5)

    assert [high.reached_from_below(v) for v in (0.41, 0.42, 0.55)] == ["no", "must", "aim"]
    assert [low.reached_from_above(v) for v in (8.1, 8, 5)] == ["no", "must", "aim"]


@pytest.mark.parametrize(
    ("count", "low", "high"), [(1, 1, 1), (5, 1, 5), (6, 1, 6), (8, 1, 8), (9, 2, 8), (20, 6, 15)]
)
def test_the_interval_of_a_median_is_made_of_its_ranks(count: int, low: int, high: int) -> None:
    found = spread([*range(count, 0, -1)])

    assert (found.low, found.high) == (low, high)
    assert (found.least, found.most, found.median) == (1, count, (count + 1) / 2)


def test_what_the_interval_leaves_open_is_marked() -> None:
    lines = table(measured(result(Key("Grantory, SQLite", "create"), 4_000, 4_000))).splitlines()

    assert spread([1, 2, 3]).leaves_open(2)
    assert not spread([1, 2, 3]).leaves_open(3)
    assert lines[6].split()[-4:] == ["15", "25", "must", "~"]


def test_what_has_goals_is_measured_most_often() -> None:
    slow = Key("Grantory, PostgreSQL", "create")
    other = Key("Authlib, Flask", "token")

    assert [every(key) for key in (FLOOR, TOKEN, PEER, slow, other)] == [1, 1, 2, 2, 4]


def test_the_table_is_aligned_and_says_what_was_reached() -> None:
    lines = table(measured(result(PEER, 2_000, 1_000))).splitlines()

    floor, head, token, peer = lines[2], lines[4], lines[5], lines[6]
    assert " ".join(floor.split()) == "floor F 30,000 1.50 2.50 4.00 0 45 50 100 100 100"
    assert head == "Grantory, SQLite"
    told = "token 16,000 1.50 2.50 4.00 0 45 50 55 50 60 42 55 aim"
    assert " ".join(token.split()) == told
    assert peer.split()[-3:] == ["5", "5", "5"]
    assert lines[0].index("requests/s") + len("requests/s") == token.index("16,000") + 6


def test_a_disturbed_run_reaches_nothing() -> None:
    lines = table(measured(foreign=0.2)).splitlines()

    assert lines[5].split()[-3:] == ["42", "55", "?"]


def test_peers_are_compared_with_each_store() -> None:
    found = measured(result(PEER, 2_000, 4_000))

    told = ["6.5", "3.0", "10.0", "4", "yes", "~"]
    assert against_peers(found).splitlines()[2].split()[-6:] == told
    assert against_peers(measured()) == ""


def test_what_was_missed_is_named_and_what_was_not_measured_is_not() -> None:
    slow = Key("Grantory, PostgreSQL", "create")
    found = measured(result(slow, 400, 200), result(PEER, 8_000, 8_000))

    assert missed(measured()) == []
    assert missed(found) == [
        "Grantory, PostgreSQL: create: 1 % of F, must 15",
        "Grantory, SQLite: token: 2.0 times oidc-provider, memory: token, must 4",
    ]


def test_failures_and_disturbance_are_said_aloud() -> None:
    create = Key("Grantory, SQLite", "create")
    calm, bad = measured(), measured(result(create, 9, 9, errors=2), lost=3, foreign=0.3)

    assert calm.failures == 0
    assert "FAILED" not in other_goals(calm)
    assert "NOT CALM" not in other_goals(calm)
    assert "not measured: JWT token: none" in other_goals(calm)
    assert bad.failures == 7
    assert "FAILED: 7" in other_goals(bad)
    assert "LOST: 3" in other_goals(bad)
    assert "NOT CALM" in other_goals(bad)


def test_what_is_not_measured_is_told_with_its_reason() -> None:
    missing = {
        "Peer, memory: token": "a",
        "Peer, memory: create": "b",
        "Peer, memory: list": "a",
    }
    told = other_goals(msgspec.structs.replace(measured(), missing=missing))

    assert "not measured: Peer, memory: token, list: a\n" in told
    assert "not measured: Peer, memory: create: b" in told


def test_every_work_of_ours_is_measured_of_a_peer_or_explained() -> None:
    measured_works = {Key(peer.name, work) for peer in PEERS for work in peer.works}
    names = {peer.name for peer in PEERS} | {GLEWLWYD}
    explained = not_measured()

    assert all(explained.values())
    assert not measured_works & explained.keys()
    assert {key.work for key in explained if key.subject == GLEWLWYD} >= {"create", "refresh"}
    for name in names - {GLEWLWYD}:
        works = {key.work for key in measured_works | explained.keys() if key.subject == name}
        assert works == set(WORKS)
    with pytest.raises(LookupError, match="list of 20 of somebody"):
        reason("somebody", "list of 20")


def test_a_peer_that_fails_is_no_failure_of_ours() -> None:
    assert measured(result(PEER, 9, 9, errors=2)).failures == 0


def test_a_run_is_read_as_it_was_written() -> None:
    found = run(measured(result(PEER, 2_000, 1_000)))

    written = json.loads(as_json(found))

    assert read(as_json(found)) == found
    token = written["measured"]["results"][1]
    told = {"median": 0.55, "least": 0.5, "most": 0.6, "low": 0.5, "high": 0.6}
    assert token["figures"]["ofF"] == told
    assert token["figures"]["timesF"]["p99"] == 1
    assert [sample["requests"] for sample in token["samples"].values()] == [20_000, 12_000]
    assert written["missed"] == []


def test_the_heading_names_machine_versions_and_a_missing_pin() -> None:
    assert "2026-01-31: 2 cores, A processor" in heading(run(measured()))
    assert "python 3.11.7" in heading(run(measured()))
    assert "NOT PINNED" in heading(run(measured(), pinned=False))


def test_the_picture_says_in_words_what_it_shows() -> None:
    drawn = picture(measured(result(PEER, 2_000, 1_000)), "2026-01-31")

    root = ElementTree.fromstring(drawn)
    names = {child.tag.rpartition("}")[2]: child.text or "" for child in root}
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "title description"
    assert "2026-01-31" in names["title"]
    assert "Grantory, SQLite: token: 55 % of F" in names["desc"]
    assert "oidc-provider, memory: token: 5 % of F" in names["desc"]
    assert "prefers-color-scheme: dark" in names["style"]


def test_foreign_time_is_what_is_left_of_the_machines() -> None:
    text = f"cpu  {3 * TICKS} 0 {2 * TICKS} 99 98 {TICKS} {TICKS} {TICKS} 97 96\ncpu0 1 2 3\n"

    assert read_machine(text) == 8.0
    assert others(Usage(0, 0), Usage(8.0, 6.0), seconds=10, cores=2) == pytest.approx(0.1)
    assert others(Usage(0, 0), Usage(1.0, 2.0), seconds=10, cores=2) == 0.0


def test_a_target_shows_no_credential() -> None:
    assert "Basic" not in repr(Target(url="http://127.0.0.1", authorization="Basic c2VjcmV0"))


async def test_the_floor_reads_the_whole_body_and_answers_300_bytes() -> None:
    parts = [{"more_body": True}, {"more_body": False}]
    sent: list[dict[str, object]] = []

    async def receive() -> object:
        return parts.pop(0)

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await floor_app({}, receive, send)

    assert not parts
    assert sent[0]["status"] == 200
    assert sent[1]["body"] == BODY
    assert 290 <= len(BODY) <= 310
