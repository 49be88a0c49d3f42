"""The platform's dates."""

from hypothesis import example, given
from hypothesis import strategies as st

from grantory.http.api_v2.dates import date_text, read_date

LAST = 253_370_764_799_999  # the end of the year 9998


@given(st.integers(0, LAST))
@example(LAST)
@example(1)
def test_a_time_that_is_written_is_read_to_the_millisecond(milliseconds: int) -> None:
    text = date_text(milliseconds)
    assert len(text) == len("2030-01-31T12:00:00.000Z")
    assert read_date(text) == milliseconds
