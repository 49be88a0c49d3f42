"""Every code that a caller may be told has a label of its own."""

import ast
import re
from pathlib import Path

from grantory.errors import RefusalReason
from grantory.observability.reasons import (
    OAUTH_REASONS,
    OVERLOADED,
    REASONS,
    STATUSES,
    TOKEN_REASONS,
)

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "grantory"
PLACES = {"ApiError": 1, "FieldProblem": 1, "OAuthError": 0, "_refuse": 2, "invalid": -1}
"""Which argument of a call is the code."""

NO_CODES = (
    *("http.", "grantory.", "openapi.", "metrics.allowed."),
    *("auth.api", "client.rate.", "org.rate."),  # names of limits
    *("login.html", "consent.html", "error.html", "style.css"),  # files
)
"""How other words begin that look like a code."""


def codes() -> dict[str, str]:
    """The codes that the program names, and where."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            listed = [keyword.value for keyword in node.keywords if keyword.arg == "code"]
            place = PLACES.get(name, -1)
            if 0 <= place < len(node.args):
                listed.append(node.args[place])
            for value in listed:
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found[value.value] = path.name
    return found


def test_every_code_is_a_reason() -> None:
    found = codes()
    assert len(found) > 20
    assert not {code: where for code, where in found.items() if code not in REASONS}


def test_whatever_looks_like_a_code_is_a_reason() -> None:
    """A code may reach an error through a constant or a class."""
    found: dict[str, str] = {}
    for folder in ("domain", "http", "protocol", "registry"):
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                text = node.value if isinstance(node, ast.Constant) else None
                if isinstance(text, str) and re.fullmatch(r"[a-z]+(\.[a-z]+)+", text):
                    found[text] = path.name
    found = {code: where for code, where in found.items() if not code.startswith(NO_CODES)}
    assert len(found) > 20
    assert not {code: where for code, where in found.items() if code not in REASONS}


def test_every_reason_of_the_token_endpoint_is_one() -> None:
    named = {
        RefusalReason[name].value
        for folder in ("http", "protocol")
        for path in sorted((PACKAGE / folder).rglob("*.py"))
        for name in re.findall(r"RefusalReason\.([A-Z_]+)", path.read_text("utf-8"))
    }
    assert len(named) > 5
    assert named | {RefusalReason.MALFORMED.value} == set(TOKEN_REASONS)
    assert RefusalReason.UNKNOWN_CLIENT.value not in TOKEN_REASONS


def test_reasons_are_listed_once() -> None:
    assert len(set(REASONS)) == len(REASONS)
    assert set(OAUTH_REASONS) < set(REASONS)
    assert OVERLOADED in REASONS
    assert len(set(STATUSES)) == len(STATUSES)
