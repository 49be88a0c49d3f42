"""Attack case 71 under load: the clock passes the moments of a key while everybody is at work.

A key's life is all moments: from one on its successor signs, and two days later it is published no
more. A real server would have to run for days to meet them.
"""

import asyncio
import random
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest

from grantory.domain.signing import MAX_JWT_LIFETIME
from grantory.registry.jwt_keys import KEPT_MS
from grantory.registry.upkeep import Upkeep
from tests.security.test_jwt_tokens import pass_time, two_nodes
from tests.support.about_tokens import INACTIVE, INTROSPECT
from tests.support.jwts import jwt_client, opened, published, verified
from tests.support.visitor import Patient
from tests.support.world import ADDRESS, Member, World

KEPT_SECONDS = 600
"""What ``Cache-Control`` allows a verifier to keep the keys."""
FORMS = {"JWT_ES256": 900, "JWT_EDDSA": MAX_JWT_LIFETIME}
"""How long tokens live: shortly, and for as long as any JWT can."""
STEPS_TO_SWITCH = (*[600] * 6, 595, *[1] * 10)
"""Seconds: a key signs 4,200 after it is made."""
STEPS_TO_LAST_EXPIRY = (595, 600, *[14_400] * 11, 13_195, *[1] * 10)
"""Two days later the last token of the key before it expires."""
STEPS_TO_END = (590, *[1] * 10, *[14_400] * 5, 14_390, *[1] * 10)
"""That key is kept for ten minutes more, and removed a day after that: a clock may be ahead."""


class Taken(NamedTuple):
    """A token."""

    text: str
    kid: str
    asked_at: int
    got_at: int
    expires_at: int
    """Times are the clock's, in milliseconds."""


class Verifier:
    """A resource server that asks for the keys every ten minutes, and never for one of them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = asyncio.Lock()
        self._keys: dict[str, Any] = {}
        self._read_at = -KEPT_SECONDS * 1000

    async def verify(self, token: str) -> None:
        """Asserts that a token is good, by keys that may be ten minutes old."""
        async with self._lock:
            now = self._world.clock.now_ms()
            if now - self._read_at >= KEPT_SECONDS * 1000:
                self._keys, self._read_at = await published(self._world.http), now
        verified(self._world, token, self._keys)


class User:
    """Takes tokens at one node; both nodes and both verifiers are asked about them."""

    def __init__(
        self, number: int, member: Member, worlds: list[World], verifiers: list[Verifier]
    ) -> None:
        self._member = member
        self._worlds = worlds
        self._verifiers = verifiers
        self._random = random.Random(number)
        self.taken: list[Taken] = []
        self.held: list[Taken] = []
        self.expired = 0
        """Tokens that were refused once they had expired, as they must be."""
        self.rounds = 0

    def _now(self) -> int:
        return self._worlds[0].clock.now_ms()

    async def run(self, moved: asyncio.Condition) -> None:
        """Goes on until it is cancelled, and tells of each round."""
        while True:
            await self._take()
            # The oldest are those that expire next, and whose key retires first.
            for token in (*self.held[:2], self._random.choice(self.held)):
                await self._use(token)
            async with moved:
                self.rounds += 1
                moved.notify_all()
            await asyncio.sleep(0)

    async def _take(self) -> None:
        asked_at = self._now()
        text = await self._member.log_in()
        header, claims = opened(text)
        token = Taken(text, header["kid"], asked_at, self._now(), claims["exp"] * 1000)
        self.taken.append(token)
        self.held.append(token)
        await self._use(token)

    async def _use(self, token: Taken) -> None:
        """Asserts that it is good just until it expires, whoever is asked."""
        before = self._now()
        if before < token.expires_at:
            verifier = self._random.choice(self._verifiers)
            try:
                await verifier.verify(token.text)
            except AssertionError:  # of the clock: it may have moved on meanwhile
                assert self._now() >= token.expires_at
        world = self._random.choice(self._worlds)
        answer = await world.http.post(
            INTROSPECT,
            data={"token": token.text},
            auth=(self._member.client_id, self._member.secret),
        )
        assert answer.status_code == 200, answer.text
        if answer.content == INACTIVE:
            assert self._now() >= token.expires_at, "a valid token is refused"
            self.expired += 1
            if token in self.held:
                self.held.remove(token)
        else:
            assert before < token.expires_at, "a token is good that has expired"


async def everybody(users: list[User], moved: asyncio.Condition) -> None:
    """Waits until every user has done a whole round from now on."""
    wanted = [user.rounds + 2 for user in users]  # one of them may have begun before
    async with moved:
        await moved.wait_for(
            lambda: all(user.rounds >= least for user, least in zip(users, wanted, strict=True))
        )


async def at_work(users: list[User], worlds: list[World]) -> None:
    """Passes the moments of a key while the users work and a node removes what is over."""
    clock, moved = worlds[0].clock, asyncio.Condition()
    organization_id = worlds[0].founding.organization.id
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(user.run(moved)) for user in users]
        await everybody(users, moved)
        first = {user.taken[0].kid for user in users}
        assert set(await published(worlds[1].http)) == first
        made = await worlds[1].node.jwt_keys.rotate(organization_id)
        [signs_from] = {succession.key.signs_from for succession in made}
        assert signs_from is not None
        second = {succession.key.key_id.hex() for succession in made}
        start = clock.now_ms()
        for seconds in STEPS_TO_SWITCH:
            await pass_time(worlds, seconds)
            await everybody(users, moved)
        assert clock.now_ms() == signs_from + 5_000 == start + sum(STEPS_TO_SWITCH) * 1000
        upkeep = Upkeep(worlds[0].node.store, clock)
        for steps, kept in ((STEPS_TO_LAST_EXPIRY, first | second), (STEPS_TO_END, second)):
            for seconds in steps:
                await pass_time(worlds, seconds)
                await everybody(users, moved)
            assert set(await published(worlds[0].http)) == first | second
            await upkeep.step()
            await everybody(users, moved)
            assert set(await published(worlds[0].http)) == kept
        assert clock.now_ms() > signs_from + KEPT_MS
        for task in tasks:
            task.cancel()
    for token in (token for user in users for token in user.taken):
        if token.got_at < signs_from:
            assert token.kid in first
        if token.asked_at >= signs_from:
            assert token.kid in second


@pytest.mark.parametrize("on_postgres", [False, True])
async def test_case_71_no_valid_token_is_refused_while_the_clock_passes_a_keys_moments(
    tmp_path: Path, on_postgres: bool
) -> None:
    async with two_nodes(tmp_path / "data", on_postgres) as worlds:
        if on_postgres:  # a leap of the clock ends the lease under a question: that is a 503
            for world in worlds:
                transport = Patient(httpx.ASGITransport(app=world.application))
                world.http = httpx.AsyncClient(transport=transport, base_url=ADDRESS)
        made = [
            await jwt_client(worlds[0], form, accessTokenValiditySeconds=seconds)
            for form, seconds in FORMS.items()
        ]
        verifiers = [Verifier(world) for world in worlds]
        users = [
            User(number, Member(world, member.client_id, member.secret), worlds, verifiers)
            for number, (world, member) in enumerate(
                (world, member) for world in worlds for member in made
            )
        ]
        await at_work(users, worlds)
        for user in users:
            assert user.expired > 20
