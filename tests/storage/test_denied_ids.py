"""The compact set of token ids, against Python's own."""

import random
import sys

from hypothesis import given
from hypothesis import strategies as st

from grantory.storage.denied_ids import ID_BYTES, DeniedIds

# Few different bytes, so that ids stand in one bucket, and the borders of two look like a third.
CROWDED = st.lists(st.integers(0, 1), min_size=ID_BYTES, max_size=ID_BYTES).map(bytes)
ANY = st.one_of(CROWDED, st.binary(max_size=ID_BYTES + 2))


@given(st.lists(ANY, max_size=120), st.lists(ANY, max_size=30))
def test_it_holds_what_was_added_and_nothing_else(added: list[bytes], asked: list[bytes]) -> None:
    ids, expected = DeniedIds(), set()
    for token_id in added:
        ids.add(token_id)
        expected.add(token_id)
        assert len(ids) == len(expected)
    for token_id in (*added, *asked, bytes(ID_BYTES)):
        assert (token_id in ids) == (token_id in expected)


@given(st.sets(ANY, max_size=120), st.lists(ANY, max_size=20))
def test_many_at_once_are_as_good_as_one_by_one(added: set[bytes], before: list[bytes]) -> None:
    ids = DeniedIds()
    for token_id in before:
        ids.add(token_id)
    ids.add_all(sorted(added))
    assert len(ids) == len(added | set(before))
    assert all(token_id in ids for token_id in (*added, *before))


def test_many_take_half_of_the_memory_of_a_set_at_most() -> None:
    draw = random.Random(1)
    many = [draw.randbytes(ID_BYTES) for _ in range(200_000)]
    ids = DeniedIds()
    for token_id in many:
        ids.add(token_id)
    assert len(ids) == len(many)
    assert all(token_id in ids for token_id in many)
    assert not any(draw.randbytes(ID_BYTES) in ids for _ in range(10_000))
    ours = sys.getsizeof(ids._buckets) + sum(map(sys.getsizeof, ids._buckets))
    assert ours < (sys.getsizeof(set(many)) + len(many) * sys.getsizeof(many[0])) / 2
