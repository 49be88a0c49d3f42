"""The lines of the requests of one turn of the event loop."""

import asyncio
import io
import json

from grantory.observability.access_log import AccessLog
from grantory.ports.request_line import RequestLine
from tests.support.runtime import FakeClock


def line(detail: str) -> RequestLine:
    return RequestLine(method="GET", route="/", status=200, ms=0.125, detail=detail)


async def test_those_of_one_turn_are_written_together_in_their_order() -> None:
    stream, clock = io.StringIO(), FakeClock()
    log = AccessLog(stream, clock)
    log.write(line("one"))
    clock.advance(0.001)
    log.write(line("two"))
    assert stream.getvalue() == ""

    await asyncio.sleep(0)
    written = [json.loads(each) for each in stream.getvalue().splitlines()]
    assert [each["detail"] for each in written] == ["one", "two"]
    assert [each["ms"] for each in written] == [0.125, 0.125]
    assert written[0]["time"] < written[1]["time"]
    log.flush()
    assert len(stream.getvalue().splitlines()) == 2


async def test_a_text_that_is_none_costs_no_line() -> None:
    stream = io.StringIO()
    log = AccessLog(stream, FakeClock())
    for detail in ("one", "half \udc80", "two"):
        log.write(line(detail))
    log.flush()

    written = [json.loads(each) for each in stream.getvalue().splitlines()]
    assert [each["detail"] for each in written] == ["one", "half \udc80", "two"]
    assert {each["event"] for each in written} == {"request"}
