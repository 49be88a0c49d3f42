"""The comparison of what counting costs runs to its end."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_it_compares_all_variants() -> None:
    command = [sys.executable, "-m", "benchmarks.metrics_cost", "--pairs", "1"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.count("ours is 1.00 of it") == 2
    assert said.count("library, several") == 2
