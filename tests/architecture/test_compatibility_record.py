"""docs/compatibility names every operation and field that is there, and no other."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grantory.http.openapi import build_document
from tests.support.compatibility_record import (
    ABSENT,
    FOLDER,
    INDEX,
    named,
    told_models,
    told_operations,
)
from tests.support.world import declared_operations

WITHOUT_FIELDS = {"RoleIdList"}
OF_EVERY_OPERATION = {"408", "431"}
"""Refusals that no row has to name."""
TOLD = {"required": True, "always": True, "optional": False, "when set": False}
"""Whether a field that is there must be there always, by what is said of it."""


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(build_document(declared_operations(), "0", "/"))
    return found


def described_operations() -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
    }


def answer_of(operation: dict[str, Any]) -> tuple[int, list[str]]:
    ((status, answer),) = [each for each in operation["responses"].items() if each[0] < "300"]
    return int(status), models_of(answer)


def models_of(part: dict[str, Any]) -> list[str]:
    schemas = [each["schema"] for each in part.get("content", {}).values()]
    return [each["type"] if "type" in each else each["$ref"].rpartition("/")[2] for each in schemas]


def test_every_operation_has_its_row() -> None:
    assert set(told_operations()) == set(described_operations())


def test_a_row_says_what_is_declared() -> None:
    wrong = []
    for name, (permission, query, body, answer, refusals, beside) in told_operations().items():
        operation = described_operations()[name]
        parameters = [
            each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"
        ]
        told = [permission == "none", named(permission), named(query), named(body)]
        told += [int(answer[:3]), named(answer)]
        permissions = operation.get("x-permissions", [])
        declared = [not permissions, permissions, parameters]
        declared += [models_of(operation.get("requestBody", {})), *answer_of(operation)]
        if told != declared:
            wrong.append(f"{name}: {told} is {declared}")
        statuses = re.findall(r"\b[45]\d\d\b", refusals)
        wrong += [f"{name}: {each}" for each in statuses if each not in operation["responses"]]
        if not re.search(r"\*\*(equal|differs|own)\*\*", beside):
            wrong.append(f"{name}: nothing is said of the platform")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", ["POST /oauth/token", "GET /oauth/authorize", "GET /logout"])
def test_an_address_of_oauth_is_described_with_the_refusals_that_it_has(name: str) -> None:
    told = set(re.findall(r"\b[45]\d\d\b", told_operations()[name][4]))
    described = {each for each in described_operations()[name]["responses"] if each >= "400"}
    assert told == described - OF_EVERY_OPERATION


def test_every_model_has_its_column() -> None:
    described = document()["components"]["schemas"]
    assert set(told_models()) == set(described) - WITHOUT_FIELDS
    assert all("properties" not in described[name] for name in WITHOUT_FIELDS)


def test_a_column_names_the_fields_that_are_there() -> None:
    wrong = []
    for name, told in told_models().items():
        schema = document()["components"]["schemas"][name]
        needed = set(schema.get("required", ()))
        declared = {field: field in needed for field in schema["properties"]}
        there = {field: TOLD[cell] for field, cell in told.items() if cell not in ABSENT}
        if there != declared:
            wrong.append(f"{name}: {there.items() ^ declared.items()}")
    assert not wrong, "\n".join(wrong)


def links() -> Iterator[tuple[Path, str]]:
    for page in (INDEX, *sorted(FOLDER.glob("*.md"))):
        for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", page.read_text("utf-8")):
            yield page, target


def test_no_page_leads_nowhere() -> None:
    assert [target for page, target in links() if not (page.parent / target).exists()] == []
