"""Slowing down whoever guesses secrets."""

import pytest

from grantory.protocol import throttle as module
from grantory.protocol.throttle import WINDOW_SECONDS, FailureThrottle, ThrottleLimits
from tests.support.runtime import FakeClock

HERE = "192.0.2.1"
ELSEWHERE = "192.0.2.2"


def made(per_name: int = 3, per_address: int = 5) -> tuple[FailureThrottle, FakeClock]:
    clock = FakeClock()
    return FailureThrottle(ThrottleLimits(per_name, per_address), clock), clock


def fail(throttle: FailureThrottle, times: int, client: str = "c", address: str = HERE) -> None:
    for _ in range(times):
        throttle.failed(client, address)


def test_nobody_waits_before_the_limit_and_everybody_after_it() -> None:
    throttle, _ = made()
    assert throttle.wait_seconds("c", HERE) is None
    fail(throttle, 2)
    assert throttle.wait_seconds("c", HERE) is None
    fail(throttle, 1)
    assert throttle.wait_seconds("c", HERE) == WINDOW_SECONDS


def test_another_client_and_another_address_are_not_held_up() -> None:
    throttle, _ = made()
    fail(throttle, 3)
    assert throttle.wait_seconds("other", HERE) is None
    assert throttle.wait_seconds("c", ELSEWHERE) is None


def test_many_clients_from_one_address_count_together() -> None:
    throttle, _ = made()
    for number in range(5):
        fail(throttle, 1, f"c{number}")
    assert throttle.wait_seconds("new", HERE) == WINDOW_SECONDS
    assert throttle.wait_seconds("c0", HERE) == WINDOW_SECONDS
    assert throttle.wait_seconds("c0", ELSEWHERE) is None


def test_the_wait_is_told_in_whole_seconds_rounded_up_and_ends_with_the_window() -> None:
    throttle, clock = made()
    fail(throttle, 3)
    clock.advance(0.5)
    assert throttle.wait_seconds("c", HERE) == WINDOW_SECONDS
    clock.advance(WINDOW_SECONDS - 1)
    assert throttle.wait_seconds("c", HERE) == 1
    clock.advance(0.25)
    assert throttle.wait_seconds("c", HERE) == 1
    clock.advance(0.25)
    assert throttle.wait_seconds("c", HERE) is None


def test_a_new_window_counts_from_nothing() -> None:
    throttle, clock = made()
    fail(throttle, 3)
    clock.advance(WINDOW_SECONDS)
    fail(throttle, 2)
    assert throttle.wait_seconds("c", HERE) is None
    fail(throttle, 1)
    assert throttle.wait_seconds("c", HERE) == WINDOW_SECONDS


def test_the_window_is_fixed_and_not_prolonged_by_trying_on() -> None:
    throttle, clock = made()
    fail(throttle, 3)
    clock.advance(40)
    fail(throttle, 1)
    assert throttle.wait_seconds("c", HERE) == 20


def test_the_time_of_day_does_not_matter() -> None:
    throttle, clock = made()
    fail(throttle, 3)
    clock.step(3600)
    assert throttle.wait_seconds("c", HERE) == WINDOW_SECONDS
    clock.step(-7200)
    assert throttle.wait_seconds("c", HERE) == WINDOW_SECONDS


def test_the_longer_of_two_waits_is_told() -> None:
    throttle, clock = made()
    fail(throttle, 1, "a")
    clock.advance(30)
    fail(throttle, 4, "c")
    # by address since 30 s, by client and address since now
    assert throttle.wait_seconds("c", HERE) == WINDOW_SECONDS
    assert throttle.wait_seconds("other", HERE) == WINDOW_SECONDS - 30


@pytest.mark.parametrize(
    ("per_name", "per_address", "same", "other"),
    [(0, 5, True, True), (3, 0, True, False), (0, 0, False, False)],
)
def test_zero_turns_a_limit_off(per_name: int, per_address: int, same: bool, other: bool) -> None:
    throttle, _ = made(per_name, per_address)
    fail(throttle, 50)
    assert (throttle.wait_seconds("c", HERE) is not None) is same
    assert (throttle.wait_seconds("other", HERE) is not None) is other


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
        ("2001:db8:1:2::1", "2001:0DB8:0001:0002::2", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "", True),
        ("not:an:address", "not:an:address", True),
    ],
)
def test_an_ipv6_host_counts_by_its_network_of_64_bits(
    one: str, other: str, together: bool
) -> None:
    throttle, _ = made()
    fail(throttle, 3, address=one)
    assert (throttle.wait_seconds("c", other) is not None) is together


def test_the_table_is_bounded_and_drops_who_failed_longest_ago(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MOST_COUNTERS", 10)
    throttle, _ = made(per_name=1, per_address=0)
    for number in range(200):
        fail(throttle, 1, f"c{number}", f"192.0.2.{number}")
        assert len(throttle._windows) <= 10
    assert throttle.wait_seconds("c0", "192.0.2.0") is None
    assert throttle.wait_seconds("c199", "192.0.2.199") == WINDOW_SECONDS


def test_who_goes_on_guessing_is_not_dropped_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_COUNTERS", 10)
    throttle, _ = made(per_name=0, per_address=20)
    for number in range(100):
        fail(throttle, 1, f"made-up-{number}")
    assert throttle.wait_seconds("c", HERE) == WINDOW_SECONDS


def test_the_bound_is_real() -> None:
    assert module.MOST_COUNTERS <= 100_000


def test_what_is_forgiven_counts_no_more() -> None:
    throttle, _ = made(per_name=2, per_address=0)
    for _ in range(20):
        assert throttle.wait_seconds("name", "192.0.2.1") is None
        throttle.failed("name", "192.0.2.1")
        throttle.forgiven("name", "192.0.2.1")
    throttle.failed("name", "192.0.2.1")
    throttle.failed("name", "192.0.2.1")
    assert throttle.wait_seconds("name", "192.0.2.1") == 60
