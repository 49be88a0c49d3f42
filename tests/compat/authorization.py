"""The SDKs' AuthorizationApi: its operations, done or refused."""

from typing import Any, NamedTuple

import pytest

from tests.compat.sdk import Answer, RefusedError, Sdk, assert_platform_error


class Refusal(NamedTuple):
    """With which status and code a call was refused, and which fields were named as bad."""

    status: int
    code: str
    fields: list[str]


NOT_FOUND = Refusal(404, "not.found", [])
LACKING = Refusal(403, "missing.permissions", [])


def bad(field: str) -> Refusal:
    """The refusal of one bad field or parameter."""
    return Refusal(400, "invalid.value", [field])


def authorization(sdk: Sdk, method: str, *arguments: Any, **options: Any) -> Answer:
    """One operation by its Python name."""
    return sdk.call("AuthorizationApi", method, *arguments, **options)


def refuse(sdk: Sdk, method: str, *arguments: Any, **options: Any) -> Refusal:
    """One operation that must be refused, with the platform's error body."""
    with pytest.raises(RefusedError) as refused:
        authorization(sdk, method, *arguments, **options)
    error = refused.value
    assert_platform_error(error, error.status, error.code)
    return Refusal(error.status, error.code, error.fields)


def assert_empty(answer: Answer) -> None:
    """A success that answers nothing."""
    assert (answer.status, answer.body, answer.value) == (204, "", None)
