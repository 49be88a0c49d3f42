"""The real randomness."""

import uuid

from grantory.crypto.runtime import IDS_ALIKE, SystemRandom


def test_ids_are_random_uuids_in_lower_case() -> None:
    random = SystemRandom()
    made = [random.uuid() for _ in range(500)]
    assert len({*made}) == len(made)
    for text in made:
        read = uuid.UUID(text)
        assert (read.version, read.variant, str(read)) == (4, uuid.RFC_4122, text)
    assert {text[19] for text in made} == {*"89ab"}


def test_ids_that_are_made_together_lie_together() -> None:
    random = SystemRandom()
    made = [random.uuid() for _ in range(4 * IDS_ALIKE)]
    beginnings = [text[:8] for text in made]
    assert len({*beginnings}) == 4
    for start in range(0, len(made), IDS_ALIKE):
        assert len({*beginnings[start : start + IDS_ALIKE]}) == 1
    assert len({text[9:] for text in made}) == len(made)


def test_processes_that_begin_alike_make_other_ids() -> None:
    one, other = SystemRandom(), SystemRandom()
    one.uuid()
    vars(other).update(vars(one))  # as after a fork
    assert one.uuid() != other.uuid()
