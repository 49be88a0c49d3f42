"""The measure of a start: what it starts, and what it makes of the figures."""

import os
import time
from pathlib import Path

import pytest

from benchmarks.start import FLOOR, Start, processor_seconds, program, server, tell


def test_the_processor_time_of_a_process_is_its_own() -> None:
    before = time.process_time()
    told = processor_seconds(os.getpid())
    assert before <= told <= time.process_time()


def test_a_start_lasts_until_the_server_is_ready(tmp_path: Path) -> None:
    program("-m", "grantory", "init", "--json", "--data-dir", str(tmp_path))
    started, floor = server(tmp_path, 1), program("-c", "pass")
    assert started.processor > floor.processor > 0
    assert started.wall > 0


def test_the_ratio_is_that_of_each_turn(capsys: pytest.CaptureFixture[str]) -> None:
    floors = [Start(1.0, 1.0), Start(2.0, 2.0), Start(3.0, 3.0)]
    served = [Start(0.4, 3.0), Start(0.6, 6.0), Start(0.7, 9.0)]
    tell({FLOOR: floors, "serve": served})
    said = capsys.readouterr().out
    assert "3.00 x" in said
    assert said.endswith("reached: must\n")
