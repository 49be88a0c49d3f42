"""How many changes may wait for a store."""

from itertools import pairwise

from grantory.storage.room import FORGET_SECONDS, LONGEST_WAIT, Room

LEAST, MOST = 3, 40
SLOW, FAST = LONGEST_WAIT * 1.5, LONGEST_WAIT / 2


class Watched:
    """A room and its clock."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.room = Room(LEAST, MOST, lambda: self.now)

    def round(self, seconds: float) -> int:
        """Fills the room, empties it after so long, and tells how many had fitted."""
        entered = [self.room.enter() for _ in range(self.room.left)]
        self.now += seconds
        for each in entered:
            self.room.leave(each)
        return len(entered)


def test_at_first_a_burst_fits() -> None:
    assert Room(LEAST, MOST).left == MOST


def test_one_that_is_unfinished_takes_a_place() -> None:
    watched = Watched()
    entered = watched.room.enter()
    assert watched.room.left == MOST - 1
    watched.room.leave(entered)
    assert watched.room.left == MOST


def test_those_that_were_slow_together_count_once() -> None:
    watched = Watched()
    watched.round(SLOW)
    assert watched.room.left == int(MOST / 1.5)


def test_a_round_that_was_slow_by_far_leaves_a_tenth() -> None:
    watched = Watched()
    watched.round(100 * SLOW)
    assert watched.room.left == MOST // 10


def test_while_all_are_slow_few_fit_but_never_fewer_than_the_least() -> None:
    watched = Watched()
    fitted = [watched.round(SLOW) for _ in range(20)]
    assert fitted == sorted(fitted, reverse=True)
    assert fitted[-1] == LEAST


def test_soon_after_a_slow_one_quick_rounds_make_room_for_more_one_by_one() -> None:
    watched = Watched()
    for _ in range(20):
        watched.round(SLOW)
    fitted = [watched.round(FAST / 10) for _ in range(10)]
    assert fitted[-1] > LEAST + 5
    assert all(after - before <= 1 for before, after in pairwise(fitted))


def test_when_nothing_was_slow_for_a_second_a_burst_fits_again() -> None:
    watched = Watched()
    for _ in range(20):
        watched.round(SLOW)
    watched.now += FORGET_SECONDS
    watched.round(FAST)
    assert watched.room.left == MOST


def test_nothing_makes_room_for_more_than_the_most() -> None:
    watched = Watched()
    watched.round(SLOW)
    for _ in range(100):
        watched.round(FAST / 1_000)
    assert watched.room.left == MOST


def test_there_comes_more_room_even_if_there_is_no_pause() -> None:
    watched = Watched()
    for _ in range(20):
        watched.round(SLOW)
    watched.now += 2 * FORGET_SECONDS
    under_way = [watched.room.enter()]
    for _ in range(2_000):
        watched.now += FAST
        under_way.append(watched.room.enter())
        watched.room.leave(under_way.pop(0))
    assert watched.room.left + 1 == MOST
