"""The SDK's reference is what is made from the code, and tells all of it."""

import inspect

import grantory_sdk
from grantory_sdk import compat, models
from grantory_sdk._sync import client, listing
from grantory_sdk.browser_login import ANY_PORT
from tools.sdk_reference import DEFAULTS, REFERENCE, reference

TEXT = REFERENCE.read_text("utf-8")
MODULES = {"api_client", "configuration", "rest"}
OTHER_NAMES = {"OAuthClientListing", "UriReference"}


def test_the_reference_is_as_it_is_made() -> None:
    assert reference() == TEXT, "run make sdk"


def test_every_name_that_can_be_imported_is_told() -> None:
    names = {*grantory_sdk.__all__, *models.__all__, *compat.__all__} - MODULES - OTHER_NAMES
    awaited = {name for name in names if name.startswith("Async")}
    told = {line.removeprefix("### ") for line in TEXT.splitlines() if line.startswith("### ")}
    assert awaited == {"AsyncGrantory", "AsyncListing"}
    assert not names - awaited - told - {"__version__"}


def test_every_operation_is_told() -> None:
    with grantory_sdk.Grantory("http://127.0.0.1:1", access_token="t") as grantory:
        parts = [each for name, each in vars(grantory).items() if not name.startswith("_")]
    assert len(parts) == 8
    for part in parts:
        for name, _ in inspect.getmembers(part, inspect.ismethod):
            if not name.startswith("_"):
                assert f"#### {type(part).__name__}.{name}\n" in TEXT


def test_the_defaults_are_those_of_the_code() -> None:
    assert {
        "ANY_PORT": repr(ANY_PORT),
        "MAX_RETRIES": repr(client.MAX_RETRIES),
        "PAGE_SIZE": repr(listing.PAGE_SIZE),
        "TIMEOUT": repr(client.TIMEOUT),
    } == DEFAULTS
