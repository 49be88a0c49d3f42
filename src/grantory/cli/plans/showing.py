"""Shows a plan: for people as lines that fit a terminal, for programs as a document."""

import json
from collections.abc import Iterator
from typing import Any, Final

import msgspec
import typer

from grantory.cli.plans.difference import Action, FieldChange, Plan, Step
from grantory.cli.plans.entries import UNORDERED, Held
from grantory.cli.tables import folded, plain, terminal_width

_SIGNS: Final[dict[Action, tuple[str, str]]] = {
    "create": ("+", typer.colors.GREEN),
    "change": ("~", typer.colors.YELLOW),
    "delete": ("-", typer.colors.RED),
}
_INDENT: Final = 4
_NARROW: Final = 30


def label(step: Step) -> str:
    """What a step is about, in few words."""
    return f"{step.kind} {step.name}"


def plan_lines(plan: Plan, *, coloured: bool) -> Iterator[str]:
    """Writes a plan for people.

    Args:
        plan: is written.
        coloured: whether there may be colours.
    """
    for step in plan.steps:
        sign, colour = _SIGNS[step.action]
        known = f" ({step.id})" if step.id is not None else ""
        start = f"{sign} "
        for part in _fitting(plain(label(step) + known), len(start)):
            yield _styled(start + part, colour, coloured)
            start = " " * len(start)
        width = max((len(each.name) for each in step.fields), default=0)
        for each in step.fields:
            yield from _field_lines(each, width, coloured)
    if plan.steps:
        yield ""
    yield summary(plan)


def summary(plan: Plan) -> str:
    """How much is to be done."""
    if not plan.steps:
        there = "1 entry is" if plan.same == 1 else f"{plan.same} entries are"
        return f"Nothing to do: {there} as the file says."
    counts = [
        f"{plan.count('create')} to create",
        f"{plan.count('change')} to change",
        f"{plan.count('delete')} to delete",
    ]
    stay = "1 entry stays as it is" if plan.same == 1 else f"{plan.same} entries stay as they are"
    return f"{', '.join(counts)}; {stay}."


def document_of(plan: Plan) -> dict[str, Any]:
    """A plan for programs."""
    return {
        "create": plan.count("create"),
        "change": plan.count("change"),
        "delete": plan.count("delete"),
        "same": plan.same,
        "changes": [
            {
                "action": step.action,
                "kind": step.kind,
                "name": step.name,
                "id": step.id,
                "fields": {
                    each.name: {"old": _built(each.old), "new": _built(each.new)}
                    for each in step.fields
                },
            }
            for step in plan.steps
        ],
    }


def _built(value: Any) -> Any:
    """A value of a field as the file would have it."""
    if isinstance(value, tuple):
        return [_built(each) for each in value]
    if isinstance(value, Held):
        place = {"division": value.division} if value.division else {}
        return {"role": value.role, **place}
    return msgspec.to_builtins(value)


def _field_lines(change: FieldChange, width: int, coloured: bool) -> Iterator[str]:
    name = f"{' ' * _INDENT}{change.name:<{width}}  "
    for sign, text in _texts(change):
        colour = {"+": typer.colors.GREEN, "-": typer.colors.RED}.get(sign, "")
        shown = f"{sign} {text}" if sign else text
        for part in _fitting(plain(shown), len(name)):
            yield name + _styled(part, colour, coloured)
            name = " " * len(name)


def _texts(change: FieldChange) -> Iterator[tuple[str, str]]:
    """What is said of a field: a line for each value that comes or goes, or old and new."""
    old, new = change.old, change.new
    if change.name not in UNORDERED and change.name != "policies":
        yield "", _text(new) if old is None else f"{_text(old)} → {_text(new)}"
        return
    before = [_text(each) for each in old or ()]
    after = [_text(each) for each in new]
    if old is None:
        yield from (("", text) for text in after)
        return
    yield from (("-", text) for text in before if text not in after)
    yield from (("+", text) for text in after if text not in before)


def _text(value: Any) -> str:
    if isinstance(value, Held):
        place = {"": "", "*": " everywhere"}.get(value.division, f" in {value.division}")
        return value.role + place
    if isinstance(value, dict):
        return _policy(value)
    if value in (None, ""):
        return "(none)"
    text = str(value)
    return text if text.isprintable() else json.dumps(text, ensure_ascii=False)


def _policy(policy: dict[str, Any]) -> str:
    actions = ",".join(sorted(policy.get("actions", ())))
    more = {
        name: value for name, value in policy.items() if name not in ("domain", "entity", "actions")
    }
    told = f" {json.dumps(more, ensure_ascii=False, sort_keys=True)}" if more else ""
    return f"{policy.get('domain', '')}:{policy.get('entity', '')}:{actions}{told}"


def _fitting(text: str, used: int) -> list[str]:
    width = terminal_width()
    return [text] if width is None else folded(text, max(_NARROW, width - used))


def _styled(text: str, colour: str, coloured: bool) -> str:
    return typer.style(text, fg=colour) if coloured and colour else text
