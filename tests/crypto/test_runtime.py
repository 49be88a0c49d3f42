"""The real randomness."""

import uuid

from grantory.crypto.runtime import SystemRandom


def test_ids_are_random_uuids_in_lower_case() -> None:
    made = [SystemRandom().uuid() for _ in range(500)]
    assert len({*made}) == len(made)
    for text in made:
        read = uuid.UUID(text)
        assert (read.version, read.variant, str(read)) == (4, uuid.RFC_4122, text)
    assert {text[19] for text in made} == {*"89ab"}
