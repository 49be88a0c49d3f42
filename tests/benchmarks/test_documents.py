"""What the documents show is what was measured: nobody has written it by hand."""

from pathlib import Path

import pytest

from benchmarks.publish import documents
from benchmarks.servers import ROOT

DOCUMENTS = documents()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_it_is_as_the_program_writes_it(path: Path) -> None:
    assert path.read_text("utf-8") == DOCUMENTS[path], (
        "written by hand, or the program changed: python -m benchmarks publish"
    )
