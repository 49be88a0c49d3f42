"""The floor answers, byte by byte, what the file answers that set it."""

from pathlib import Path

import pytest

from benchmarks.floor_app import floor_app
from benchmarks.floor_server import application_of
from benchmarks.guard_connection import DATE, Connection

REQUEST = (
    b"POST /oauth/token HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 29\r\n\r\n"
    b"grant_type=client_credentials"
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\n" + DATE + b"content-type: application/json\r\n"
    b"cache-control: no-store\r\ncontent-length: 306\r\n\r\n"
    b'{"access_token":"' + 43 * b"A" + b'","token_type":"Bearer","expires_in":3600,'
    b'"scope":"read","pad":"' + 180 * b"x" + b'"}'
)


async def test_the_answer_is_these_bytes() -> None:
    connection = Connection(application_of(""))

    await connection.counted(REQUEST)
    connection.end()

    assert connection.answer == ANSWER


async def test_a_file_can_be_the_floor(tmp_path: Path) -> None:
    file = tmp_path / "floor.py"
    file.write_text("from benchmarks.floor_app import floor_app as asgi\n")
    connection = Connection(application_of(str(file)))

    await connection.counted(REQUEST)
    connection.end()

    assert connection.answer == ANSWER
    assert application_of("") is floor_app
    file.write_text("")
    with pytest.raises(SystemExit, match="has no asgi"):
        application_of(str(file))
