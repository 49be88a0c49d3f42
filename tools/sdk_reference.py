"""Writes the SDK's reference from its code: ``python -m tools.sdk_reference``.

``docs/sdk-reference.md`` is made of signatures and docstrings, and committed; tests/sdk holds both
together. The code is read, not imported.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sdk" / "src" / "grantory_sdk"
REFERENCE = ROOT / "docs" / "sdk-reference.md"
HEAD = """# Reference of grantory-sdk

Made from the code by `make sdk`; [sdk/README.md](../sdk/README.md) is where to begin. What is
written here for `Grantory` is there for `AsyncGrantory`, too, to be awaited: lists are iterated
over by `async for`, `close` is `aclose`.
"""
LONGEST = 96
INNER = frozenset(
    {
        "TokenRequest",
        "as_written",
        "body_of",
        "can_be_sent",
        "changed_body",
        "open_browser",
        "record",
    }
)
"""Names without an underscore that are not for users."""
DEFAULTS = {
    "ANY_PORT": "'http://127.0.0.1/'",
    "MAX_RETRIES": "2",
    "PAGE_SIZE": "100",
    "TIMEOUT": "30.0",
}
"""What these names stand for in signatures; a test compares them with the code."""
OF_TOKEN_SOURCES = frozenset(
    {"accept", "give_up", "refused", "request", "settled", "waits_for_people"}
)
"""Methods that are told once, with the protocol."""
BASES_NOT_TOLD = frozenset({"Model", "Exception", "Protocol", "TypedDict", "Enum", "Generic[T]"})
_FIELD = re.compile(r"^(\*{0,2}\w+): (.*)$")


class Part(NamedTuple):
    """A chapter."""

    title: str
    files: str
    """Those whose public classes and functions are in it, in their order."""
    made: bool = False
    """Whether its classes are made by users, who want to know with what."""


PARTS = (
    Part("The client", "_sync/client", made=True),
    Part(
        "Operations",
        "_sync/oauth_clients client_fields _sync/roles _sync/divisions _sync/users"
        " _sync/authorizations _sync/tokens _sync/changes",
    ),
    Part("Lists", "_sync/listing"),
    Part("Ways to a token", "token_sources browser_login", made=True),
    Part(
        "Models",
        "models/base models/clients models/access models/users models/tokens models/changes",
    ),
    Part("Errors", "errors"),
    Part("Raw answers", "answers"),
    Part(
        "The generated SDK's names",
        "compat/oauth_api compat/api_client compat/configuration compat/rest compat/models"
        " compat/region_hosts",
        made=True,
    ),
)


def reference() -> str:
    """The reference as it should be."""
    lines = [HEAD]
    for part in PARTS:
        lines.append(f"## {part.title}\n")
        for file in part.files.split():
            body = ast.parse((PACKAGE / f"{file}.py").read_text("utf-8")).body
            hidden = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
            for node in body:
                if isinstance(node, ast.ClassDef) and _is_public(node.name):
                    lines += _class(node, hidden, made=part.made)
                elif isinstance(node, ast.FunctionDef) and _is_public(node.name):
                    lines += [f"### {node.name}\n", _signature(node.name, node), _prose(node)]
                elif isinstance(node, ast.Assign) and _is_type(node):
                    lines.append(f"### {ast.unparse(node.targets[0])}\n")
                    lines.append(f"`{ast.unparse(node.value)}`\n")
    return "\n".join(lines).rstrip() + "\n"


def _is_public(name: str) -> bool:
    return not name.startswith("_") and name not in INNER


def _is_type(node: ast.Assign) -> bool:
    """Whether it gives a name to a type: one of some texts, or one of some classes."""
    text = ast.unparse(node.value)
    named = _is_public(ast.unparse(node.targets[0]))
    return named and (text.startswith("Literal[") or isinstance(node.value, ast.BinOp))


def _class(node: ast.ClassDef, others: dict[str, ast.ClassDef], *, made: bool) -> Iterator[str]:
    yield f"### {node.name}\n"
    methods = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    if made:
        yield from (_signature(node.name, each) for each in methods if each.name == "__init__")
    yield _prose(node)
    bases = [ast.unparse(base) for base in node.bases]
    told = [base for base in bases if _is_public(base) and base not in BASES_NOT_TOLD]
    if told:
        yield f"Is a {', '.join(f'`{base}`' for base in told)}.\n"
    hidden = [line for base in bases if base.startswith("_") for line in others[base].body]
    both = [*node.body, *hidden]
    if fields := [*filter(None, map(_field, both))]:
        yield "\n".join(["| field | type |", "|---|---|", *fields, ""])
    known = node.name != "TokenSource" and any(_is_called(each, "accept") for each in both)
    for each in methods:
        if each.name.startswith("_") or (known and each.name in OF_TOKEN_SOURCES):
            continue
        yield f"#### {node.name}.{each.name}\n"
        is_property = any(ast.unparse(mark) == "property" for mark in each.decorator_list)
        yield f"`{_text(each.returns)}`\n" if is_property else _signature(each.name, each)
        yield _prose(each)


def _is_called(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == name


def _field(node: ast.stmt) -> str:
    if not isinstance(node, ast.AnnAssign) or not _is_public(ast.unparse(node.target)):
        return ""
    kind = _text(node.annotation).replace(" | ", " or ")
    return f"| `{ast.unparse(node.target)}` | `{kind}` |"


def _signature(name: str, node: ast.FunctionDef) -> str:
    arguments = re.sub(r"^(self|cls)(, )?", "", ast.unparse(node.args))
    parts = [re.sub(r" ?= ?", " = ", part, count=1) for part in _split(arguments)]
    end = f" -> {_text(node.returns)}".removesuffix(" -> None")
    line = f"{name}({', '.join(parts)}){end}"
    if len(line) > LONGEST:
        line = "\n".join([f"{name}(", *(f"    {part}," for part in parts), f"){end}"])
    for constant, value in DEFAULTS.items():
        line = re.sub(rf"\b{constant}\b", value, line)
    return f"```text\n{line}\n```\n"


def _split(arguments: str) -> list[str]:
    """The arguments one by one; commas in brackets part nothing."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def _text(node: ast.expr | None) -> str:
    return "None" if node is None else ast.unparse(node).strip("'")


def _prose(node: ast.ClassDef | ast.FunctionDef) -> str:
    """A docstring: its sections as lists."""
    lines: list[str] = []
    for line in (ast.get_docstring(node) or "").replace("``", "`").splitlines():
        field = _FIELD.match(line.strip()) if re.match(r" {4}\S", line) else None
        if line in ("Args:", "Attributes:", "Returns:", "Raises:"):
            lines += [line, ""]
        elif field:
            lines.append(f"- `{field[1]}`: {field[2]}")
        else:
            lines.append(f"  {line.strip()}" if line.startswith(" " * 8) else line.strip())
    return "\n".join([*lines, ""])


def main() -> None:
    """Write the reference."""
    REFERENCE.write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
