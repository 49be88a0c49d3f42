"""The log's way out: nothing is lost at an orderly stop, and nothing ever stops or raises."""

import json
import os
import select
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from grantory.observability import log_writer
from grantory.observability.log_writer import PIECE_BYTES, LogWriter, descriptor_of

LOST = "lines of this log were lost"
MANY = 2_000
"""Lines of a hundred bytes, which no pipe takes at once."""


class Pipe(NamedTuple):
    """A pipe whose reader stands still until it is asked to read."""

    reader: int
    writer: int

    def read(self, most: int = 1 << 20) -> bytes:
        """What is there, at least one byte."""
        assert select.select([self.reader], [], [], 10)[0], "nothing came"
        return os.read(self.reader, most)

    def read_until(self, last: bytes) -> bytes:
        """All up to some words."""
        came = b""
        while last not in came:
            came += self.read()
        return came


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    both = Pipe(*os.pipe())
    yield both
    for descriptor in both:
        os.close(descriptor)


def line(number: int) -> str:
    return json.dumps({"number": number}).ljust(99) + "\n"


def numbers(text: bytes) -> list[int]:
    return [entry["number"] for entry in entries(text) if "number" in entry]


def entries(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(each) for each in text.splitlines()]


@pytest.mark.parametrize("threaded", [True, False])
def test_all_lines_are_written_in_their_order_by_the_end(tmp_path: Path, threaded: bool) -> None:
    with (tmp_path / "log").open("w") as file:
        lines = LogWriter(file.fileno())
        if threaded:
            with lines:
                for number in range(MANY):
                    lines.write(line(number))
            lines.write(line(MANY))
        else:
            for number in range(MANY + 1):
                lines.write(line(number))
    assert numbers((tmp_path / "log").read_bytes()) == list(range(MANY + 1))


def test_it_can_be_entered_again(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        lines = LogWriter(file.fileno())
        for number in range(3):
            with lines:
                lines.write(line(number))
    assert numbers((tmp_path / "log").read_bytes()) == [0, 1, 2]


def test_a_reader_that_stands_still_delays_nobody_and_hears_what_was_lost(pipe: Pipe) -> None:
    with LogWriter(pipe.writer, most_bytes=50_000) as lines:
        started = time.monotonic()
        for number in range(MANY):
            lines.write(line(number))
            if number % 100 == 0:
                time.sleep(log_writer.GATHER_SECONDS * 2)  # the thread fills the pipe meanwhile
        assert time.monotonic() - started < 5
        came = b""
        while LOST.encode() not in came:
            came += pipe.read()
            lines.write(line(MANY))
    came += pipe.read_until(line(MANY).encode())
    read = [number for number in numbers(came) if number < MANY]
    (told,) = [entry["lines"] for entry in entries(came) if entry.get("event") == LOST]
    assert read == list(range(len(read)))
    assert 0 < len(read) < MANY
    assert told >= MANY - len(read)


def test_where_there_is_no_thread_a_full_pipe_delays_for_a_moment_only(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_writer, "PATIENCE_SECONDS", 0.02)
    lines = LogWriter(pipe.writer)
    started = time.monotonic()
    lines.write("".join(map(line, range(MANY))))
    lines.write(line(MANY))
    assert time.monotonic() - started < 5
    came = pipe.read()
    lines.write(line(MANY + 1))
    came += pipe.read_until(LOST.encode())
    (told,) = [entry["lines"] for entry in entries(came) if entry.get("event") == LOST]
    assert told + len(numbers(came)) == MANY + 2


def test_the_end_is_not_awaited_for_ever(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "STOP_SECONDS", 0.05)
    started = time.monotonic()
    with LogWriter(pipe.writer) as lines:
        for number in range(MANY):
            lines.write(line(number))
    assert time.monotonic() - started < 5
    assert numbers(pipe.read_until(line(MANY - 1).encode()))[-1] == MANY - 1  # its thread ends


@pytest.mark.parametrize("threaded", [True, False])
def test_a_full_disk_raises_nothing_and_is_told_of_when_there_is_room(
    tmp_path: Path, threaded: bool
) -> None:
    log = os.open("/dev/full", os.O_WRONLY)
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    try:
        lines = LogWriter(log)
        for number in range(3):
            write(lines, line(number), threaded=threaded)
        os.dup2(file, log)
        write(lines, line(3), threaded=threaded)
        write(lines, line(4), threaded=threaded)
    finally:
        os.close(log)
        os.close(file)
    after, told, last = entries((tmp_path / "log").read_bytes())
    assert (after["number"], told["event"], told["lines"], last["number"]) == (3, LOST, 3, 4)


def write(lines: LogWriter, text: str, *, threaded: bool) -> None:
    if threaded:
        with lines:
            lines.write(text)
    else:
        lines.write(text)


def test_a_closed_pipe_raises_nothing() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        with LogWriter(writer) as lines:
            lines.write(line(1))
        lines.write(line(2))
    finally:
        os.close(writer)
    lines.write(line(3))  # and neither does a descriptor that is none any more


def test_a_line_that_was_torn_stands_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    really_write = os.write
    room = [10]

    def write_little(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = really_write(descriptor, data[: room[0]])
        room[0] -= taken
        return taken

    with (tmp_path / "log").open("w") as file:
        lines = LogWriter(file.fileno())
        monkeypatch.setattr(os, "write", write_little)
        lines.write(line(1))
        room[0] = PIECE_BYTES
        lines.write(line(2))
        monkeypatch.undo()
    torn, *rest = (tmp_path / "log").read_bytes().splitlines()
    assert line(1).startswith(torn.decode())
    assert [json.loads(each).get("number") for each in rest] == [2, None]


def test_a_pipe_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer, False)
    with LogWriter(pipe.writer) as lines:
        for number in range(MANY):
            lines.write(line(number))
        assert numbers(pipe.read_until(line(MANY - 1).encode())) == list(range(MANY))


def test_several_processes_lines_are_not_mixed(pipe: Pipe) -> None:
    sizes: list[int] = []
    with LogWriter(pipe.writer) as lines:
        lines.write("x" * 3 * PIECE_BYTES + "\n")
        for number in range(100):
            lines.write(line(number))
        came = pipe.read_until(line(99).encode())
    for piece in log_writer._pieces(came, PIECE_BYTES):
        sizes.append(len(piece))
        assert piece.endswith(b"\n") or piece.strip(b"x") == b""
    assert max(sizes) <= PIECE_BYTES
    assert sum(sizes) == len(came)


@pytest.mark.parametrize("stream", [None, object()])
def test_without_anything_to_write_to_nothing_happens(stream: object) -> None:
    with LogWriter(descriptor_of(stream)) as lines:
        lines.write(line(1))
    lines.write(line(2))


def test_where_no_thread_is_to_be_had_lines_are_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with (tmp_path / "log").open("w") as file, LogWriter(file.fileno()) as lines:
        lines.write(line(1))
        assert numbers((tmp_path / "log").read_bytes()) == [1]


def test_what_cannot_be_encoded_is_written_as_it_can(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        LogWriter(file.fileno()).write("\udc80 é\n")
    assert (tmp_path / "log").read_text("utf-8") == "\\udc80 é\n"
