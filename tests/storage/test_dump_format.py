"""A row of a backup is read as it was written, or refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.storage.sql.dump_format import decode_row, encode_row

PLAIN = st.none() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=30)
CELL = st.tuples(st.just(False), PLAIN) | st.tuples(
    st.just(True), st.none() | st.binary(max_size=30)
)


@given(st.lists(CELL, max_size=8))
def test_a_row_is_read_as_it_was_written(cells: list[tuple[bool, Any]]) -> None:
    binary = [holds_bytes for holds_bytes, _ in cells]
    row = [value for _, value in cells]
    line = encode_row(row, binary)
    assert b"\n" not in line
    read = decode_row(line, binary)
    assert read == row
    assert list(map(type, read)) == list(map(type, row))


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.lists(st.booleans()))
def test_whatever_line_is_a_row_or_a_plain_error(line: bytes, binary: list[bool]) -> None:
    try:
        row = decode_row(line, binary)
    except ValueError:
        return
    assert decode_row(encode_row(row, binary), binary) == row


@pytest.mark.parametrize(
    ("value", "holds_bytes"), [(b"x", False), ("x", True), (1, True), (1.5, False), ([], False)]
)
def test_a_value_of_another_kind_is_not_written(value: Any, holds_bytes: bool) -> None:
    with pytest.raises(ValueError, match="not of its column's kind"):
        encode_row([value], [holds_bytes])
