"""Which server it is: the vendor's cloud makes one change at a time, and asks for smaller pages."""

import os

import pytest

from grantory.cli.plans.difference import difference
from grantory.cli.plans.entries import Entry
from grantory.cli.plans.faults import Faults
from grantory.cli.plans.present import Present
from grantory.cli.session import Session
from grantory_sdk import ConnectionFailed


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("GRANTORY_", "GENESYSCLOUD_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GRANTORY_ACCESS_TOKEN", "t")


def present(host: str) -> Present:
    return Present(Session(host, None))


@pytest.mark.parametrize(
    ("host", "is_vendors", "page_size"),
    [
        ("eu-central-1", True, 100),
        ("https://api.mypurecloud.ie", True, 100),
        ("https://auth.example.com", False, 500),
        ("https://api.mypurecloud.ie.example.com", False, 500),
    ],
)
def test_the_vendors_cloud_is_known_by_its_address(
    host: str, is_vendors: bool, page_size: int
) -> None:
    found = present(host)
    assert (found.is_vendors, found.page_size) == (is_vendors, page_size)
    found.session.close()


def test_what_is_not_named_is_not_asked_for() -> None:
    found = present("https://127.0.0.1:1")
    for kind in ("division", "role", "client"):
        assert found.named(kind, []) == []
    assert difference([], found, Faults("f")).steps == ()
    entry = Entry(kind="client", place="clients[0]", name="a")
    with pytest.raises(ConnectionFailed, match="was not answered"):
        difference([entry], found, Faults("f"))
    found.session.close()
