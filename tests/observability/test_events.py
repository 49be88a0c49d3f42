"""Lines about the server itself."""

import io
import json

import pytest

from grantory.observability.events import EventLog


def test_an_event_is_one_line_of_json() -> None:
    log = EventLog()
    log.stream = io.StringIO()
    log.warning("overloaded: requests were refused", refused=3, place=None)
    log.info("a\nb \u2028")
    first, second, nothing = log.stream.getvalue().split("\n")
    line = json.loads(first)
    assert line.pop("time").endswith("Z")
    assert line == {
        "refused": 3,
        "place": None,
        "level": "warning",
        "event": "overloaded: requests were refused",
    }
    assert json.loads(second)["event"] == "a\nb \u2028"
    assert nothing == ""


def test_a_failure_has_its_trace_in_the_same_line() -> None:
    log = EventLog()
    log.stream = io.StringIO()
    try:
        raise LookupError("gone")
    except LookupError as error:
        log.error("worker failed", kind="LookupError", exc_info=error)
    (line,) = log.stream.getvalue().splitlines()
    said = json.loads(line)
    assert said["level"] == "error"
    assert said["exception"].startswith("Traceback (most recent call last):\n")
    assert said["exception"].endswith("LookupError: gone")


def test_before_it_is_set_up_it_writes_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    EventLog().error("nothing works", left=object)
    assert json.loads(capsys.readouterr().err)["event"] == "nothing works"
