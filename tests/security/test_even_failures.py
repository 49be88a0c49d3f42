"""Attack case 41: an unknown client and a wrong secret cannot be told apart."""

from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import msgspec
import pytest

from grantory.app import build_application
from grantory.domain.secret import base62, compose_client_secret, digest_of, key_id_of, matches
from grantory.ports.storage import Snapshot
from grantory.protocol.client_auth.authenticate import MAX_CLIENT_ID
from grantory.registry.client_secrets import new_client_secret
from grantory.storage.sql.statement import Row, Statement
from grantory.storage.sqlite.connection import ApswExecutor
from tests.security.answers import oauth_refused
from tests.support.world import ADDRESS, CLIENTS, Member, World

UNKNOWN = "11111111-2222-4333-8444-555555555555"
AUTHENTICATE = "grantory.protocol.client_auth.authenticate"


def other_random_part(secret: str) -> str:
    """A secret of the right form with the key id of another: all but the random part is right."""
    key_id = key_id_of(secret)
    assert key_id is not None
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for character in key_id:
        number = number * 62 + alphabet.index(character)
    made, forged = compose_client_secret(number.to_bytes(6, "big"), b"\x01" * 32)
    assert made == key_id == base62(number.to_bytes(6, "big"), 8)
    return forged.reveal()


class Work:
    """Counts what a request costs: reads of the store, statements, digests, comparisons."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[str] = []
        read, every = world.node.store.read, ApswExecutor.all

        async def counted_read(work: Callable[[Snapshot], Any]) -> Any:
            self.done.append("read")
            return await read(work)

        def counted_all(executor: ApswExecutor, statement: Statement, **params: Any) -> list[Row]:
            self.done.append(statement.for_sqlite({})[0])
            return every(executor, statement, **params)

        def counted_digest(presented: str) -> bytes:
            self.done.append("digest")
            return digest_of(presented)

        def counted_matches(presented: bytes, stored: bytes) -> bool:
            assert len(presented) == len(stored) == 32
            self.done.append("comparison")
            return matches(presented, stored)

        monkeypatch.setattr(world.node.store, "read", counted_read)
        monkeypatch.setattr(ApswExecutor, "all", counted_all)
        monkeypatch.setattr(f"{AUTHENTICATE}.digest_of", counted_digest)
        monkeypatch.setattr(f"{AUTHENTICATE}.matches", counted_matches)


async def refusal(http: httpx.AsyncClient, client_id: str, secret: str) -> tuple[Any, ...]:
    """All that a caller sees of a refusal, but for the correlation id."""
    answer = await http.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret)
    )
    oauth_refused(answer, 401, "invalid_client")
    headers = {k: v for k, v in answer.headers.items() if k != "inin-correlation-id"}
    return answer.status_code, headers, answer.content


async def machine(world: World) -> Member:
    return await world.admin.make_client(await world.admin.make_role("routing:queue:view"))


@pytest.mark.parametrize("memory", ["cold", "warm"])
async def test_case_41_every_failure_costs_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    known, neighbour = await machine(world), await machine(world)
    ended = known.secret
    known.secret = (await world.admin.post(f"{CLIENTS}/{known.client_id}/secret"))["secret"]
    uri = "https://example.com/cb"
    fields = {"authorizedGrantType": "CODE", "registeredRedirectUri": [uri]}
    code = await world.admin.post(CLIENTS, {"name": "a", **fields})
    now = world.clock.now_ms()
    stored, expired = new_client_secret(
        world.node.random, world.founding.organization.id, known.client_id, now - 2
    )
    stored = msgspec.structs.replace(stored, expires_at=now - 1)
    await world.node.store.write(lambda transaction: transaction.clients.add_secret(stored))
    attempts = {
        "unknown client": (UNKNOWN, neighbour.secret),
        "id that is no UUID": ("nobody", neighbour.secret),
        "another client's secret": (known.client_id, neighbour.secret),
        "right key id, wrong rest": (known.client_id, other_random_part(known.secret)),
        "client with redirect URIs": (code["id"], neighbour.secret),
        "ended secret": (known.client_id, ended),
        "expired secret": (known.client_id, expired.reveal()),
        "upper-case id": (known.client_id.upper(), neighbour.secret),
    }
    work = Work(world, monkeypatch)
    costs, answers = {}, []
    for name, (client_id, secret) in attempts.items():
        # An application of its own remembers nothing yet.
        application = build_application(world.node, world.settings, world.log)
        transport = httpx.ASGITransport(app=application)
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as http:
            if memory == "warm":
                for _ in range(2):
                    good = await http.post(
                        "/oauth/token",
                        data={"grant_type": "client_credentials"},
                        auth=(known.client_id, known.secret),
                    )
                    assert good.status_code == 200
            else:
                await http.get("/api/v2/tokens/me", headers={"authorization": "Bearer x"})
            work.done.clear()
            answers.append(await refusal(http, client_id, secret))
            costs[name] = list(work.done)

    assert answers == [answers[0]] * len(answers)
    expected = costs["unknown client"]
    assert expected.count("read") == 1
    assert expected.count("digest") == 1
    assert expected.count("comparison") == 2
    assert costs == dict.fromkeys(costs, expected)


async def test_case_41_malformed_secrets_cost_nothing_for_anyone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await machine(world)
    await known.log_in()
    last = known.secret[-1]
    bad_checksum = known.secret[:-1] + ("0" if last != "0" else "1")
    work = Work(world, monkeypatch)
    malformed, unissued = [], []
    for client_id in (known.client_id, UNKNOWN, "nobody", "a" * 65):
        for secret in ("", "wrong", known.secret[:-1], known.secret + "0"):
            work.done.clear()
            malformed.append((await refusal(world.http, client_id, secret), list(work.done)))
        if len(client_id) <= MAX_CLIENT_ID:
            work.done.clear()
            unissued.append((await refusal(world.http, client_id, bad_checksum), list(work.done)))

    assert malformed == [malformed[0]] * len(malformed)
    assert "comparison" not in malformed[0][1]
    assert unissued == [unissued[0]] * len(unissued)
    assert unissued[0][0] == malformed[0][0]
    # Compared with what is in memory, or with nobody's; the store is not asked.
    assert (unissued[0][1].count("comparison"), unissued[0][1].count("read")) == (1, 0)


async def test_case_41_state_and_grant_show_only_to_who_knows_the_secret(world: World) -> None:
    admin = world.admin
    role_id = await admin.make_role("routing:queue:view")
    disabled = await admin.make_client(role_id, state="disabled")
    code = await admin.post(CLIENTS, {"name": "a", "authorizedGrantType": "CODE"})
    deleted = await admin.make_client(role_id)
    await admin.call("DELETE", f"{CLIENTS}/{deleted.client_id}")
    foreign = world.member(await world.found("Elsewhere"))
    secret = (await machine(world)).secret

    answers = [
        await refusal(world.http, client_id, secret)
        for client_id in (
            UNKNOWN,
            admin.client_id,
            disabled.client_id,
            code["id"],
            deleted.client_id,
            foreign.client_id,
            str(world.founding.organization.id),
        )
    ]

    assert answers == [answers[0]] * len(answers)
