"""Every command of docs/operations.md is run by a test of this folder, or told why not."""

from tests.operations.page import (
    ELSEWHERE,
    IN_THE_TEXT,
    NEW_MASTER_KEY,
    PAGE,
    RUN_FROM_THE_TEXT,
)
from tests.support.page import ROOT


def test_no_block_is_left_out() -> None:
    assert PAGE.left() == []


def test_what_is_tried_elsewhere_is_there() -> None:
    for why in ELSEWHERE.values():
        named = [word.strip(",") for word in why.split() if word.startswith("tests/")]
        assert named
        assert all((ROOT / name).exists() for name in named)


def test_no_command_within_a_sentence_is_left_out() -> None:
    assert IN_THE_TEXT == RUN_FROM_THE_TEXT
    assert f"`{NEW_MASTER_KEY}`" in PAGE.text
