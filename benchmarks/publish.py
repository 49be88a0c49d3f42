"""Puts figures into the documents: ``python -m benchmarks publish`` writes them anew from JSON.

Beside each document lie the figures that it shows, in ``docs/measured``. What stands between the
marks in a document is written here and nowhere else.
"""

import re
from pathlib import Path

from benchmarks import capacity_report, report, scale_report, simulation
from benchmarks.plot import picture
from benchmarks.servers import ROOT

DOCS = ROOT / "docs"
MEASURED = DOCS / "measured"
SPEED, PICTURE = MEASURED / "speed.json", MEASURED / "speed.svg"
CAPACITY = simulation.FIGURES
SCALE = MEASURED / "scale.json"
NOT_YET = "*No run has been published yet: `make bench{} PUBLISH=1`.*"
ALTERNATIVE = "Each work as a share of the bare floor F; the table above holds the figures"


def speed(run: report.Run) -> None:
    """Publishes a speed run."""
    MEASURED.mkdir(exist_ok=True)
    SPEED.write_bytes(report.as_json(run))
    write_documents()


def capacity(run: capacity_report.Run) -> None:
    """Publishes a capacity run."""
    MEASURED.mkdir(exist_ok=True)
    CAPACITY.write_bytes(capacity_report.as_json(run))
    write_documents()


def scale(run: scale_report.Run) -> None:
    """Publishes a run with many clients."""
    MEASURED.mkdir(exist_ok=True)
    SCALE.write_bytes(scale_report.as_json(run))
    write_documents()


def write_documents() -> None:
    """Writes pictures and documents from the figures."""
    for path, content in documents().items():
        path.write_text(content, "utf-8")


def documents() -> dict[Path, str]:
    """What each file must hold."""
    found: dict[Path, str] = {}
    performance = (DOCS / "performance.md").read_text("utf-8")
    capacity_text = (DOCS / "capacity.md").read_text("utf-8")
    block = NOT_YET.format("")
    plans = measured = NOT_YET.format("-capacity")
    many = NOT_YET.format("-scale")
    if SPEED.exists():
        run = report.read(SPEED.read_bytes())
        found[PICTURE] = picture(run.measured, run.date)
        block = f"{_indented(report.as_text(run))}\n\n![{ALTERNATIVE}](measured/{PICTURE.name})\n\n"
        block += f"Every round is in [measured/{SPEED.name}](measured/{SPEED.name})."
    if CAPACITY.exists():
        taken = capacity_report.read(CAPACITY.read_bytes())
        measured = _indented(capacity_report.as_text(taken))
        costs = simulation.costs_of(taken)
        plans = _indented(simulation.as_text(simulation.plans(costs)))
    if SCALE.exists():
        many = _indented(scale_report.as_text(scale_report.read(SCALE.read_bytes())))
        many += f"\n\nEvery round is in [measured/{SCALE.name}](measured/{SCALE.name})."
    scale_text = (DOCS / "scale.md").read_text("utf-8")
    found[DOCS / "scale.md"] = _replaced(scale_text, "scale", many)
    found[DOCS / "performance.md"] = _replaced(performance, "speed", block)
    capacity_text = _replaced(capacity_text, "capacity", measured)
    found[DOCS / "capacity.md"] = _replaced(capacity_text, "simulation", plans)
    return found


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def _replaced(text: str, name: str, block: str) -> str:
    begin, end = f"<!-- {name}: written by the program -->", f"<!-- end of {name} -->"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(found.findall(text)) != 1:
        raise ValueError(f"there must be one place for {name}")
    return found.sub(lambda _: f"{begin}\n\n{block}\n\n{end}", text)


def main() -> None:
    """Writes the documents anew."""
    write_documents()


if __name__ == "__main__":
    main()
