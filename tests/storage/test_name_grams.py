"""What finds parts of names, without a store."""

import random

import pytest

from grantory.storage.sql import name_grams
from grantory.storage.sql.name_grams import CHUNK, MOST_GRAMS, common_slots, grams_of, index_chunk


def indexed(names: list[tuple[int, str]]) -> list[tuple[str, bytes]]:
    rows = index_chunk(names)
    assert rows is not None
    return rows


def test_parts_that_are_too_short_have_nothing_to_look_up() -> None:
    assert [grams_of(part) for part in ("", "a", "ab")] == [[], [], []]
    assert grams_of("abc") == ["abc"]
    assert grams_of("aaaaa") == ["aaa"]
    assert grams_of("billing") == ["bil", "ill", "lli", "lin", "ing"]


def test_of_a_long_part_few_are_looked_up() -> None:
    grams = grams_of("".join(map(chr, range(0x100, 0x100 + 200))))
    assert len(grams) <= MOST_GRAMS
    assert grams[0] == "\u0100\u0101\u0102"


def test_slots_are_found_that_have_every_gram() -> None:
    draw = random.Random(1)
    names = [
        "".join(draw.choice("abc ") for _ in range(draw.randrange(1, 30))) for _ in range(CHUNK)
    ]
    rows = dict(indexed(list(enumerate(names))))
    assert {len(packed) == CHUNK // 8 for packed in rows.values()} == {True}
    few = dict(indexed([(n, name) for n, name in enumerate(names) if n % 40 == 0]))
    assert min(len(packed) for packed in few.values()) < 20
    for part in ("abc", "ab ab", "cccccc", "a b c a b c", "zzz"):
        grams = grams_of(part)
        found = common_slots(
            [{7: rows[g], 9: few[g]} if g in few else {} for g in grams], CHUNK * 2
        )
        expected = [n for n, name in enumerate(names) if all(gram in name for gram in grams)]
        sparse = [n for n in expected if n % 40 == 0]
        if not sparse and part == "zzz":
            assert found == []
            continue
        assert found is not None
        if all(gram in few for gram in grams):
            assert found == [7 * CHUNK + n for n in expected] + [9 * CHUNK + n for n in sparse]


def test_more_slots_than_wanted_are_not_listed() -> None:
    rows = dict(indexed([(n, "abc") for n in range(20)]))
    assert common_slots([{0: rows["abc"]}], 20) == list(range(20))
    assert common_slots([{0: rows["abc"]}], 19) is None


@pytest.mark.parametrize("count", [1, 127, 128, CHUNK])
def test_places_come_back_however_many_there_are(count: int) -> None:
    places = sorted(random.Random(count).sample(range(CHUNK), count))
    packed = name_grams._pack(places)
    assert len(packed) <= CHUNK // 8
    assert common_slots([{0: packed}], CHUNK) == places


def test_names_of_chance_letters_have_too_many_rows() -> None:
    draw = random.Random(3)
    letters = [chr(0x4E00 + n) for n in range(20_000)]
    names = [(n, "".join(draw.sample(letters, 200))) for n in range(CHUNK // 8)]
    assert index_chunk(names) is None
    assert len(indexed(names[:100])) > 100 * 190
