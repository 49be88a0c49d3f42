"""Whose a request is, by what a proxy says of it."""

import ipaddress
from collections.abc import Sequence

import pytest

from grantory.http.request import Message, Request

PROXY = "10.0.0.1"
CALLER = "203.0.113.9"
TRUSTED = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fe80::/10"))
LONG = "fe80::1%" + "x" * 60_000


async def nothing() -> Message:
    return {"type": "http.disconnect"}


def request(*headers: tuple[str, str], peer: str = PROXY) -> Request:
    scope = {
        "method": "GET",
        "raw_path": b"/",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "client": (peer, 4711),
    }
    return Request(scope, nothing, "", TRUSTED)


def address(*hops: str, peer: str = PROXY) -> str:
    return request(*(("x-forwarded-for", hop) for hop in hops), peer=peer).address


@pytest.mark.parametrize(
    ("hops", "expected"),
    [
        ([CALLER], CALLER),
        ([f"1.1.1.1, {CALLER}"], CALLER),
        (["1.1.1.1", f"{CALLER} , 10.2.3.4"], CALLER),
        (["2001:DB8::1"], "2001:DB8::1"),
        (["::ffff:203.0.113.9"], "::ffff:203.0.113.9"),
        ([f"{CALLER}:4711"], CALLER),
        (["[2001:db8::1]:99"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["2001:db8::1:99"], "2001:db8::1:99"),
        ([f"1.1.1.1:1, {CALLER}:2, 10.2.3.4:3, [fe80::1]:4"], CALLER),
    ],
)
def test_the_first_that_is_no_proxy_of_ours_is_the_caller(
    hops: Sequence[str], expected: str
) -> None:
    assert address(*hops) == expected


@pytest.mark.parametrize(
    "hop",
    [
        *(
            "",
            "unknown",
            "_hidden",
            "a.example:80",
            f"{CALLER}:",
            f"{CALLER}:x",
            f"{CALLER}:123456",
        ),
        *("[203.0.113.9]:80", "[2001:db8::1", "2001:db8::1]:80", "[2001:db8::1]80", "[]:80", ":80"),
        *("fe80::1%eth0", "[fe80::1%eth0]:80", "[2001:db8::1%25x]", LONG, f"[{LONG}]:80"),
        *("203.0.113.9%x", "01.2.3.4", f"for={CALLER}", f'"{CALLER}"', f"{CALLER} 1.1.1.1"),
    ],
    ids=lambda hop: hop[:24],
)
def test_what_is_no_address_leaves_that_of_the_proxy(hop: str) -> None:
    assert address(hop) == PROXY
    assert address(f"{CALLER}, {hop}") == PROXY
    assert address(f"{hop}, {CALLER}") == CALLER
    assert address(f"{hop}, 10.2.3.4") == "10.2.3.4"


def test_an_address_has_no_zone_and_is_never_long() -> None:
    assert address(CALLER, peer="fe80::1%eth0") == CALLER
    assert address(peer="fe80::1%eth0") == "fe80::1"
    assert request(peer="fe80::1%eth0").comes_from(TRUSTED)
    longest = "0000:0000:0000:0000:0000:ffff:203.113.113.199"
    assert address(longest) == longest
    assert len(longest) == 45


@pytest.mark.parametrize(
    "name",
    [
        *("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-anything"),
        *("forwarded", "x-real-ip", "via"),
    ],
)
def test_a_proxy_that_tells_nobody_hides_its_sender(name: str) -> None:
    for value in ("", "unknown", "10.2.3.4", PROXY):
        assert request((name, value)).hides_its_sender
    for value in ("", "unknown", CALLER):
        assert request((name, value), peer=CALLER).hides_its_sender
    assert not request((name, "x"), ("x-forwarded-for", CALLER)).hides_its_sender
    assert not request(("x-forwarding", "x"), ("accept", "y")).hides_its_sender
