"""The SDK's blocking half is what is derived from the awaited one, and has the same methods."""

import inspect

import pytest

from grantory_sdk import AccessToken, AsyncGrantory, Grantory
from tools.derive_sdk import BLOCKING, BY_HAND, derived

RESOURCES = (
    "authorizations",
    "changes",
    "divisions",
    "oauth_clients",
    "roles",
    "scopes",
    "tokens",
    "users",
)


def test_every_derived_file_is_as_it_is_derived() -> None:
    there = {path.name: path.read_text("utf-8") for path in BLOCKING.glob("*.py")}
    wanted = derived()
    assert there.keys() == wanted.keys() | BY_HAND
    stale = [name for name, text in wanted.items() if there[name] != text]
    assert not stale, "run python -m tools.derive_sdk"
    assert not any("await" in text or "async" in text for text in without_heads(wanted))


def without_heads(files: dict[str, str]) -> list[str]:
    return [text.partition("\n")[2] for text in files.values()]


@pytest.mark.parametrize("name", RESOURCES)
def test_both_halves_have_the_same_methods_with_the_same_arguments(name: str) -> None:
    auth = AccessToken("t")
    with Grantory("http://127.0.0.1:1", auth=auth) as blocking:
        one = type(getattr(blocking, name))
    other = type(getattr(AsyncGrantory("http://127.0.0.1:1", auth=auth), name))
    assert methods(one) == methods(other)
    assert methods(one)


def methods(kind: type) -> dict[str, list[str]]:
    return {
        name: [*inspect.signature(value).parameters]
        for name, value in vars(kind).items()
        if not name.startswith("_")
    }
