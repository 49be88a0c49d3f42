"""What a request costs, counted in bytecode instead of seconds, against recorded bounds.

``python -m benchmarks.guard`` compares, and ends with status 1 where a request has become more
expensive; ``--record`` keeps what is counted now, for this version of Python. Requests go through
the exchange with a connection and the whole application, in process, on the embedded store; what
stands in memory is there already, so none of them may wait. Each is counted a second time through a
connection: from its bytes to the answer's, and what is done once that is sent.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.callers import CLIENTS, FORM, INTROSPECT, MACHINE_FORM, TOKEN, basic
from benchmarks.counting import Count, count, middle
from benchmarks.guard_connection import Connection
from benchmarks.quiet_wire import QuietWire
from grantory.http.exchange import Exchange
from tests.support.world import World, new_world

BOUNDS = Path(__file__).with_name("guard_bounds.json")
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
MARGIN = 0.03
OTHER_VERSION_MARGIN = 0.10
"""Calls alone are compared with what another version of Python has recorded, this far."""
WARM_UPS, TIMES = 40, 15
HOW_TO_RECORD = "python -m benchmarks.guard --record"

NAMES = ("token", "bearer GET of one client", "introspection", "JWT token")
THROUGH = ", through the connection"

Counts = dict[str, Count]


class Request(msgspec.Struct, frozen=True):
    """One request, as the server hands it to the application."""

    method: str
    path: str
    authorization: str
    body: bytes = b""

    def scope(self) -> dict[str, Any]:
        """The connection scope (ASGI 3) that the server makes of it."""
        headers = [
            (b"host", b"127.0.0.1:8080"),
            (b"authorization", self.authorization.encode()),
        ]
        if self.body:
            headers += [
                (b"content-type", FORM.encode()),
                (b"content-length", str(len(self.body)).encode()),
            ]
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8080),
            "client": ("127.0.0.1", 50_000),
            "scheme": "http",
            "method": self.method,
            "root_path": "",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "headers": headers,
        }

    def wire(self) -> bytes:
        """The bytes that a client sends (RFC 9112)."""
        lines = [f"{self.method} {self.path} HTTP/1.1".encode()]
        lines += [b"%b: %b" % header for header in self.scope()["headers"]]
        return b"\r\n".join([*lines, b"", self.body])


async def requests(world: World) -> dict[str, Request]:
    """What is counted, by ``NAMES``."""
    admin = world.admin
    token = await admin.log_in()
    bearer, machine = f"Bearer {token}", basic(admin.client_id, admin.secret)
    document = {
        "name": "nightly export",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleIds": [await admin.make_role("oauth:client:view")],
        "accessTokenFormat": "JWT_ES256",
    }
    client = await admin.post(CLIENTS, document)
    jwt = basic(client["id"], client["secret"])
    form = MACHINE_FORM.encode()
    found = (
        Request("POST", TOKEN, machine, form),
        Request("GET", f"{CLIENTS}/{admin.client_id}", bearer),
        Request("POST", INTROSPECT, machine, f"token={token}".encode()),
        Request("POST", TOKEN, jwt, form),
    )
    return dict(zip(NAMES, found, strict=True))


async def counted(world: World) -> Counts:
    """Counts each request, by itself and through a connection; each in turns of its own."""
    found = {}
    for name, request in (await requests(world)).items():
        for _ in range(WARM_UPS):
            status = await _status(world, request)
            if status != 200:
                raise RuntimeError(f"{name} is answered {status}")
        counts = []
        for _ in range(TIMES):
            await asyncio.sleep(0)
            counts.append(count(_answer(world, request, QuietWire())))
        found[name] = middle(counts)
        connection = Connection(world.application)
        through = [await connection.counted(request.wire()) for _ in range(WARM_UPS + TIMES)]
        connection.end()
        found[name + THROUGH] = middle(through[WARM_UPS:])
    return found


async def _status(world: World, request: Request) -> int:
    wire = QuietWire()
    await _answer(world, request, wire)
    return int(wire.sent.split(b" ", 2)[1])


async def _answer(world: World, request: Request, wire: QuietWire) -> None:
    exchange = Exchange(wire, request.scope(), change=False, wants_continue=False, keep_alive=True)
    exchange.add(request.body)
    exchange.more_body = False
    exchange.tell()
    await exchange.run(world.application)


def excesses(found: Counts, recorded: dict[str, Counts], version: str = VERSION) -> list[str]:
    """Tells what has become too expensive, and what to do about it.

    Args:
        found: what is counted now.
        recorded: what was, by version of Python.
        version: the one that runs now; without a record of its own, the nearest is taken, and
            calls alone are compared.
    """
    if not recorded:
        return [f"nothing is recorded: {HOW_TO_RECORD}"]
    nearest = min(recorded, key=lambda each: abs(_minor(each) - _minor(version)))
    kinds = ("instructions", "calls") if nearest == version else ("calls",)
    margin = MARGIN if nearest == version else OTHER_VERSION_MARGIN
    faults = []
    for name, figures in found.items():
        before = recorded[nearest].get(name)
        if before is None:
            faults.append(f"{name} is not recorded for Python {nearest}: {HOW_TO_RECORD}")
            continue
        for kind in kinds:
            now, then = getattr(figures, kind), getattr(before, kind)
            if now > then * (1 + margin):
                faults.append(
                    f"{name}: {now:,} {kind}, {now / then - 1:.1%} more than the {then:,} recorded "
                    f"with Python {nearest}. Every request pays for it: make it cheaper, or, where "
                    f"it is worth that, {HOW_TO_RECORD}, and say in the commit what it is for."
                )
    return faults


def read_bounds() -> dict[str, Counts]:
    """What was recorded, by version of Python."""
    return msgspec.json.decode(BOUNDS.read_bytes(), type=dict[str, Counts])


def record(found: Counts) -> None:
    """Keeps what is counted now for this version of Python; others' stay as they are."""
    kept = read_bounds() if BOUNDS.exists() else {}
    text = json.dumps(msgspec.to_builtins({**kept, VERSION: found}), indent=2, sort_keys=True)
    BOUNDS.write_text(f"{text}\n", "utf-8")


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


async def _count_here() -> Counts:
    with tempfile.TemporaryDirectory(prefix="grantory-bench-") as name:
        async with new_world(Path(name)) as world:
            return await counted(world)


def main() -> int:
    """Compares or records."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.guard", description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep what is counted now")
    arguments = parser.parse_args()
    found = asyncio.run(_count_here())
    for name, figures in found.items():
        print(f"{name:52}{figures.instructions:8,} instructions {figures.calls:6,} calls")
    if arguments.record:
        record(found)
        return 0
    faults = excesses(found, read_bounds())
    for fault in faults:
        print(f"TOO EXPENSIVE: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
