"""What was refused waits in memory, under bounds, and costs its caller next to nothing."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from grantory.domain.refusal import Counter, Refusal
from grantory.errors import OAuthError, RefusalReason
from grantory.registry.gathered_refusals import (
    COUNTERS_AT_ONCE,
    FIRST_FEW,
    KEPT_AT_ONCE,
    MOST_COUNTERS,
    MOST_KEPT,
    MOST_NEW,
    MOST_OF_CLIENT,
    MOST_UNKNOWN,
    MOST_WINDOWS,
    SPARE_COUNTERS,
    Batch,
    GatheredRefusals,
)
from tests.support.entities import ORG, an_id
from tests.support.runtime import FakeClock

HOUR_MS = 3_600_000
WRONG, UNKNOWN = RefusalReason.WRONG_SECRET, RefusalReason.UNKNOWN_CLIENT
NOT_LOOKED_UP = RefusalReason.NOT_LOOKED_UP


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def wrong(client: int = 1, organization_id: str = ORG, **fields: RefusalReason) -> OAuthError:
    """The refusal of a wrong secret, by the id that the caller named."""
    reason = fields.get("reason", WRONG)
    return OAuthError(
        "invalid_client",
        "authentication failed",
        reason=reason,
        client_id=an_id(client),
        organization_id=organization_id,
    )


def everything(gathered: GatheredRefusals) -> tuple[list[Refusal], dict[Counter, int]]:
    """Sorts all out and takes all."""
    gathered.sort(gathered.unsorted, {})
    kept: list[Refusal] = []
    counted: dict[Counter, int] = {}
    while (batch := gathered.batch()) is not None:
        assert len(batch.kept) <= KEPT_AT_ONCE
        assert len(batch.counted) <= COUNTERS_AT_ONCE
        kept += batch.kept
        counted |= batch.counted
    assert gathered.is_empty
    return kept, counted


def hour_of(clock: FakeClock) -> int:
    return clock.now_ms() // HOUR_MS * HOUR_MS


def test_the_first_few_of_a_kind_are_kept_and_the_others_counted(clock: FakeClock) -> None:
    gathered = GatheredRefusals(clock)
    for number in range(10):
        gathered.add(wrong(), "192.0.2.1", f"correlation {number}")
    kept, counted = everything(gathered)
    assert [refusal.correlation_id for refusal in kept] == [f"correlation {n}" for n in range(3)]
    assert kept[0] == Refusal(
        at=clock.now_ms(),
        organization_id=ORG,
        client_id=an_id(1),
        error="invalid_client",
        reason=WRONG,
        address="192.0.2.1",
        correlation_id="correlation 0",
    )
    assert counted == {Counter(hour_of(clock), ORG, an_id(1), WRONG): 7}


def test_another_client_reason_or_address_is_another_kind_and_so_is_the_next_minute(
    clock: FakeClock,
) -> None:
    gathered = GatheredRefusals(clock)
    for client, reason, address in (
        (1, WRONG, "192.0.2.1"),
        (2, WRONG, "192.0.2.1"),
        (1, RefusalReason.SCOPE, "192.0.2.1"),
        (1, WRONG, "192.0.2.2"),
    ):
        for _ in range(FIRST_FEW):
            gathered.add(wrong(client, reason=reason), address, "c")
    clock.advance(60)
    for _ in range(FIRST_FEW + 1):
        gathered.add(wrong(), "192.0.2.1", "c")
    kept, counted = everything(gathered)
    assert len(kept) == 5 * FIRST_FEW
    assert counted == {Counter(hour_of(clock), ORG, an_id(1), WRONG): 1}


def test_one_ipv6_network_is_one_address_and_many_are_bounded_by_the_client(
    clock: FakeClock,
) -> None:
    gathered = GatheredRefusals(clock)
    for number in range(50):
        gathered.add(wrong(), f"2001:db8::{number:x}", "c")
    assert len(everything(gathered)[0]) == FIRST_FEW
    clock.advance(60)
    for number in range(50):
        gathered.add(wrong(), f"2001:db8:0:{number:x}::1", "c")
    kept, counted = everything(gathered)
    assert len(kept) == MOST_OF_CLIENT
    assert sum(counted.values()) == 50 - MOST_OF_CLIENT


def test_an_id_of_nobody_is_only_counted_and_not_written_down(clock: FakeClock) -> None:
    gathered = GatheredRefusals(clock)
    for client_id in (an_id(7), "secret in the wrong place", "", "a" * 64, an_id(7) + "\n"):
        error = wrong(organization_id="")
        error.client_id = client_id
        gathered.add(error, "192.0.2.1", "c")
    gathered.add(OAuthError("invalid_request", "the form is bad"), "192.0.2.1", "c")
    assert gathered.unknown() == [an_id(7)]
    gathered.sort(6, {an_id(7): ""})
    kept, counted = everything(gathered)
    assert kept == []
    hour = hour_of(clock)
    assert counted == {
        Counter(hour, "", "", UNKNOWN): 5,
        Counter(hour, "", "", RefusalReason.MALFORMED): 1,
    }


def test_an_id_that_proves_to_be_a_client_is_kept(clock: FakeClock) -> None:
    gathered = GatheredRefusals(clock)
    gathered.add(wrong(organization_id=""), "192.0.2.1", "c")
    gathered.add(wrong(2, organization_id=""), "192.0.2.1", "c")
    assert gathered.unknown() == [an_id(1), an_id(2)]
    gathered.sort(2, {an_id(1): ORG, an_id(2): ""})
    batch = gathered.batch()
    assert batch is not None
    assert [(r.organization_id, r.client_id, r.reason) for r in batch.kept] == [
        (ORG, an_id(1), WRONG)
    ]
    assert batch.counted == {Counter(hour_of(clock), "", "", UNKNOWN): 1}
    assert batch.size == 2


def test_what_came_while_ids_were_looked_up_waits_for_the_next_time(clock: FakeClock) -> None:
    gathered = GatheredRefusals(clock)
    gathered.add(wrong(), "192.0.2.1", "first")
    gathered.add(wrong(2, organization_id=""), "192.0.2.1", "later")
    gathered.sort(1, {})
    batch = gathered.batch()
    assert batch is not None
    assert [refusal.correlation_id for refusal in batch.kept] == ["first"]
    assert batch.counted == {}
    assert gathered.unsorted == gathered.size == 1


def test_memory_is_bounded_whatever_comes(clock: FakeClock) -> None:
    """Every client of a million is refused, and nobody writes anything down."""
    gathered = GatheredRefusals(clock)
    number = 0
    while number < 3 * (MOST_WINDOWS + MOST_COUNTERS):
        for _ in range(MOST_NEW + 100):
            number += 1
            gathered.add(wrong(number), f"2001:db8:{number >> 16:x}:{number & 65535:x}::1", "c")
        assert gathered.unsorted == MOST_NEW
        gathered.sort(MOST_NEW, {})
    assert len(gathered._kept) == MOST_KEPT
    assert len(gathered._windows) <= MOST_WINDOWS + 1
    counters = len(gathered._counted)
    assert MOST_COUNTERS < counters <= MOST_COUNTERS + SPARE_COUNTERS
    assert gathered.lost == 0
    kept, counted = everything(gathered)
    assert len(kept) + sum(counted.values()) == number
    assert counted[Counter(hour_of(clock), "", "", WRONG)] > 0


def test_what_finds_no_room_at_all_is_told_by_number(clock: FakeClock) -> None:
    gathered = GatheredRefusals(clock)
    for number in range(MOST_NEW + MOST_COUNTERS):
        gathered.add(wrong(number + 1), "192.0.2.1", "c")
    hours = SPARE_COUNTERS + 100
    for _ in range(hours):
        clock.advance(3600)
        gathered.add(wrong(organization_id=""), "192.0.2.1", "c")
    assert gathered.lost == 100
    assert gathered.size == MOST_NEW + MOST_COUNTERS + hours - 100


def test_the_ids_to_be_looked_up_are_few(clock: FakeClock) -> None:
    gathered = GatheredRefusals(clock)
    for number in range(200):
        gathered.add(wrong(number + 1, organization_id=""), "192.0.2.1", "c")
    assert gathered.unknown() == [an_id(number + 1) for number in range(MOST_UNKNOWN)]


def test_an_id_that_was_not_looked_up_is_not_called_unknown(clock: FakeClock) -> None:
    """It may be a client's that no memory holds."""
    gathered = GatheredRefusals(clock)
    for number in range(MOST_NEW + 5):
        gathered.add(wrong(number + 1, organization_id=""), "192.0.2.1", "c")
    gathered.add(wrong(1, organization_id="", reason=RefusalReason.THROTTLED), "192.0.2.1", "c")
    gathered.sort(MOST_NEW, dict.fromkeys(gathered.unknown(), ""))
    hour = hour_of(clock)
    assert everything(gathered) == (
        [],
        {
            Counter(hour, "", "", UNKNOWN): MOST_UNKNOWN,
            Counter(hour, "", "", NOT_LOOKED_UP): MOST_NEW + 5 - MOST_UNKNOWN,
            Counter(hour, "", "", RefusalReason.THROTTLED): 1,
        },
    )


def calls(work: Callable[[], None]) -> list[str]:
    """Whatever is called, in Python and in C."""
    found: list[str] = []

    def note(frame: FrameType, event: str, argument: object) -> None:
        if event == "call":
            found.append(frame.f_code.co_qualname)
        elif event == "c_call":
            found.append(str(argument))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


@pytest.mark.parametrize("waiting", [0, MOST_NEW])
def test_a_known_client_and_an_unknown_one_cost_the_same(clock: FakeClock, waiting: int) -> None:
    gathered = GatheredRefusals(clock)
    for number in range(waiting):
        gathered.add(wrong(number + 1), "192.0.2.1", "c")
    known, unknown = wrong(1), wrong(2, organization_id="")
    for error in (known, unknown):  # so that their counters are there
        gathered.add(error, "192.0.2.1", "c")
    costs = [
        calls(lambda error=error: gathered.add(error, "192.0.2.1", "c"))  # type: ignore[misc]
        for error in (known, unknown)
    ]
    assert "FakeClock.now_ms" in costs[0]
    assert costs[0] == costs[1]


def test_what_is_put_back_comes_again_and_stays_within_the_bounds(clock: FakeClock) -> None:
    gathered = GatheredRefusals(clock)
    for number in range(60):
        gathered.add(wrong(number + 1), "192.0.2.1", f"{number}")
    for _ in range(5):
        gathered.add(wrong(organization_id=""), "192.0.2.1", "c")
    gathered.sort(65, {})
    first = gathered.batch()
    assert first is not None
    gathered.add(wrong(organization_id=""), "192.0.2.1", "c")
    gathered.sort(1, {})
    gathered.put_back(first)
    kept, counted = everything(gathered)
    assert [refusal.correlation_id for refusal in kept] == [f"{n}" for n in range(60)]
    assert list(counted.values()) == [6]

    for number in range(MOST_KEPT + 20):
        gathered.add(wrong(number + 1), "198.51.100.1", "c")
        gathered.sort(1, {})
    gathered.put_back(Batch(first.kept, {}))
    assert len(gathered._kept) == MOST_KEPT
    kept, counted = everything(gathered)
    assert len(kept) + sum(counted.values()) == MOST_KEPT + 20 + len(first.kept)
