"""The judge of ``wal_sync`` can tell right from wrong; then a server is judged."""

import shutil

import pytest

from tests.crashes.wal_sync import CannotTraceError, read_trace, seen_in, traced_create
from tests.support.barred import SYS_PTRACE, barred
from tests.support.soak import rounds

WRITE = '11 10.000000 pwrite64(7</data/grantory.db-wal>, "a traced client", 24, 0) = 24 <0.000100>'
SYNC = "11 10.001000 fdatasync(7</data/grantory.db-wal>) = 0 <0.002000>"
ANSWER = '10 10.004000 write(9<socket:[5]>, "HTTP/1.1 200 OK", 48) = 48 <0.000010>'
EARLY = ANSWER.replace("10.004", "10.002")


def is_right(*lines: str) -> bool:
    return seen_in(read_trace("\n".join(lines))).is_right


def test_an_answer_after_the_log_is_on_disk_is_right() -> None:
    assert is_right(WRITE, SYNC, ANSWER)
    begun = "11 10.001000 fdatasync(7</data/grantory.db-wal> <unfinished ...>"
    resumed = "11 10.003000 <... fdatasync resumed>) = 0 <0.002000>"
    assert is_right(WRITE, begun, resumed, ANSWER)
    assert not is_right(WRITE, begun, EARLY, resumed)


def test_any_other_order_is_wrong() -> None:
    assert not is_right(WRITE, SYNC, EARLY)
    assert not is_right(WRITE, ANSWER)
    assert not is_right(SYNC, ANSWER)
    assert not is_right(WRITE, SYNC)
    assert not is_right(WRITE, SYNC.replace("-wal", ""), ANSWER)
    assert not is_right(WRITE, SYNC.replace("= 0", "= -1 EIO (Input/output error)"), ANSWER)
    late = WRITE.replace("10.000", "10.003500").replace("0000000", "0")
    assert not is_right(SYNC, late, ANSWER)


def test_what_other_threads_write_does_not_count() -> None:
    other = WRITE.replace("11 10.000", "12 10.003").replace("a traced client", "x")
    assert is_right(WRITE, SYNC, other, ANSWER)
    assert not is_right(WRITE, SYNC.replace("11 ", "12 "), ANSWER)


@pytest.mark.slow
def test_a_change_is_on_disk_before_it_is_answered() -> None:
    for _ in range(rounds(1, 20)):
        try:
            trace = traced_create()
        except CannotTraceError as error:
            barred(str(error), SYS_PTRACE if shutil.which("strace") else None)
        assert seen_in(read_trace(trace)).is_right
