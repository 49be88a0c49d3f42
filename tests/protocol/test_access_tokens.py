"""When a presented access token is refused, and for which reason."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import apsw
import msgspec
import pytest

from grantory.domain.organization import User, UserState
from grantory.domain.token import AccessToken, DeniedToken, SigningKey
from grantory.protocol import access_tokens
from grantory.protocol.access_tokens import AccessTokens, TokenRefused
from grantory.protocol.token_codec import decode, encode
from grantory.storage.hot_reads import RememberedReads
from grantory.storage.sqlite.store import SqliteStore
from tests.support.rows import change_row
from tests.support.world import CLIENTS, World

USER_ID = "9a1c3c56-0f5c-4f0e-8f43-3f2f9c1f7a10"


class Verifier:
    """Verifies the world's tokens as another process would: with a store and reads of its own."""

    def __init__(self, world: World) -> None:
        node = world.node
        self.store = SqliteStore(world.file, node.clock)
        self.reads = RememberedReads(self.store, self.store.feed, node.master_key)
        self.tokens = AccessTokens(self.reads, node.clock, node.random)

    async def verify(self, text: str) -> AccessToken:
        await asyncio.sleep(0)  # as every request comes in a turn of its own
        await self.reads.refresh()
        return await self.tokens.verify(text)

    async def refusal(self, text: str) -> str:
        with pytest.raises(TokenRefused) as caught:
            await self.verify(text)
        return str(caught.value)

    async def signed(self, token: AccessToken, key_of: str = "") -> str:
        """Sign whatever a test wants a token to say, by any organisation's key."""
        await self.reads.refresh()
        key = await self.reads.newest_signing_key(key_of or token.organization_id)
        return encode(token, key, uuid.UUID(token.client_id).bytes)


@pytest.fixture
async def verifier(world: World) -> AsyncIterator[Verifier]:
    made = Verifier(world)
    yield made
    await made.store.close()


async def test_a_token_says_who_it_is_for_and_until_when(world: World, verifier: Verifier) -> None:
    text = await world.admin.log_in()
    now = world.clock.now_ms() // 1000
    token = await verifier.verify(text)
    assert token.client_id == token.subject_id == world.admin.client_id
    assert token.organization_id == world.founding.organization.id
    assert (token.issued_at, token.expires_at) == (now, now + 86_400)
    assert token.user_id is None
    assert len(token.token_id) == 16
    assert (await verifier.verify(await world.admin.log_in())).token_id != token.token_id


async def test_it_is_good_until_the_very_second_of_its_expiry(
    world: World, verifier: Verifier
) -> None:
    text = await world.admin.log_in()
    world.clock.advance(86_399)
    await verifier.verify(text)
    world.clock.advance(1)
    assert await verifier.refusal(text) == "expired"


async def test_a_token_that_was_read_is_read_anew_once_its_key_was_heard_of(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [await world.admin.log_in() for _ in range(2)]
    read = []

    def counted(raw: bytes, key: SigningKey) -> AccessToken:
        read.append(raw)
        return decode(raw, key)

    monkeypatch.setattr(access_tokens, "decode", counted)
    for _ in range(3):
        assert await verifier.verify(texts[0]) == await verifier.verify(texts[0])
    assert len(read) == 1
    await verifier.store.write(lambda t: t.keys.remove(world.founding.organization.id))
    assert await verifier.refusal(texts[0]) == "unknown key"
    assert await verifier.refusal(texts[1]) == "unknown key"


async def test_two_who_find_its_key_removed_at_once_are_both_refused(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = await world.admin.log_in()
    await verifier.verify(text)
    await verifier.store.write(lambda t: t.keys.remove(world.founding.organization.id))
    look = verifier.reads.signing_key

    async def slowly(key_id: bytes) -> SigningKey | None:
        await asyncio.sleep(0)  # as over a network
        return await look(key_id)

    monkeypatch.setattr(verifier.reads, "signing_key", slowly)
    said = await asyncio.gather(*(verifier.refusal(text) for _ in range(3)))
    assert said == ["unknown key"] * 3


async def test_a_good_token_is_looked_at_again_once_anything_was_heard_of(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = await world.admin.log_in()
    look, looked = verifier.reads.is_denied, []

    async def counted(token_id: bytes) -> bool:
        looked.append(token_id)
        return await look(token_id)

    monkeypatch.setattr(verifier.reads, "is_denied", counted)
    for _ in range(3):
        await verifier.verify(text)
    assert len(looked) == 1
    member = await world.admin.make_member("oauth:client:view")
    path = f"{CLIENTS}/{member.client_id}"
    await world.admin.put(path, {**await world.admin.get(path), "name": "somebody else"})
    for _ in range(3):
        await verifier.verify(text)
    assert len(looked) == 2
    world.clock.advance(86_400)
    assert await verifier.refusal(text) == "expired"


async def test_what_is_heard_of_while_a_token_is_looked_at_counts_the_next_time(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = await world.admin.log_in()
    look = verifier.reads.is_denied

    async def ended_behind_the_look(token_id: bytes) -> bool:
        answer = await look(token_id)
        monkeypatch.undo()
        assert (await world.admin.call("DELETE", "/api/v2/tokens/me")).status_code == 200
        await asyncio.sleep(0)
        await verifier.reads.refresh()
        return answer

    monkeypatch.setattr(verifier.reads, "is_denied", ended_behind_the_look)
    await verifier.verify(text)
    assert await verifier.refusal(text) == "ended"


async def test_only_so_many_tokens_are_remembered(
    world: World, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_tokens, "MOST_READ", 2)
    for text in [await world.admin.log_in() for _ in range(4)]:
        await verifier.verify(text)
        await verifier.refusal(text + "AAAA")
    assert len(verifier.tokens._read) == 2


@pytest.mark.parametrize(
    "text", ["", "gat_", "gat_AAAA", "gcs_x", "a.b.c", "x" * 2000, "é", "\udc80"]
)
async def test_a_text_of_no_token_is_malformed(verifier: Verifier, text: str) -> None:
    assert (await verifier.refusal(text)).startswith("malformed")


async def test_a_changed_token_is_malformed(world: World, verifier: Verifier) -> None:
    text = await world.admin.log_in()
    middle = len(text) // 2
    other = "A" if text[middle] != "A" else "B"
    changed = text[:middle] + other + text[middle + 1 :]
    assert await verifier.refusal(changed) == "malformed: signature"


async def test_a_token_of_an_unknown_key_is_refused(world: World, verifier: Verifier) -> None:
    token = await verifier.verify(await world.admin.log_in())
    key = await verifier.reads.newest_signing_key(token.organization_id)
    other = msgspec.structs.replace(key, key_id=bytes(8))
    text = encode(token, other, uuid.UUID(token.client_id).bytes)
    assert await verifier.refusal(text) == "unknown key"


async def test_a_client_is_not_good_for_another_organisations_key(
    world: World, verifier: Verifier
) -> None:
    token = await verifier.verify(await world.admin.log_in())
    other = await world.found("Other")
    text = await verifier.signed(token, key_of=other.organization.id)
    assert await verifier.refusal(text) == "client gone"


async def test_a_client_that_never_was_is_gone(world: World, verifier: Verifier) -> None:
    token = await verifier.verify(await world.admin.log_in())
    stranger = msgspec.structs.replace(token, client_id=str(uuid.UUID(int=7)))
    assert await verifier.refusal(await verifier.signed(stranger)) == "client gone"


async def test_a_deleted_clients_token_is_refused(world: World, verifier: Verifier) -> None:
    member = await world.admin.make_member("oauth:client:view")
    await verifier.verify(await member.log_in())
    answer = await world.admin.call("DELETE", f"{CLIENTS}/{member.client_id}")
    assert answer.status_code == 204
    assert await verifier.refusal(member.token) == "client gone"


async def test_disabling_ends_tokens_and_enabling_revives_none(
    world: World, verifier: Verifier
) -> None:
    member = await world.admin.make_member("oauth:client:view")
    old = await member.log_in()
    await verifier.verify(old)
    path = f"{CLIENTS}/{member.client_id}"
    whole = await world.admin.get(path)
    await world.admin.put(path, {**whole, "state": "disabled"})
    assert await verifier.refusal(old) == "client's tokens ended"
    await world.admin.put(path, {**whole, "state": "active"})
    assert await verifier.refusal(old) == "client's tokens ended"
    await verifier.verify(await member.log_in())


async def test_an_inactive_clients_tokens_run_out_by_themselves(
    world: World, verifier: Verifier
) -> None:
    member = await world.admin.make_member("oauth:client:view")
    text = await member.log_in()
    path = f"{CLIENTS}/{member.client_id}"
    await world.admin.put(path, {**await world.admin.get(path), "state": "inactive"})
    await verifier.verify(text)
    refused = await world.ask_token(member.client_id, member.secret)
    assert refused.json()["error"] == "unauthorized_client"


async def test_a_token_of_another_epoch_of_its_client_is_refused(
    world: World, verifier: Verifier
) -> None:
    token = await verifier.verify(await world.admin.log_in())
    for epoch in (token.client_epoch - 1, token.client_epoch + 1):
        other = msgspec.structs.replace(token, client_epoch=epoch)
        assert await verifier.refusal(await verifier.signed(other)) == "client's tokens ended"
    same = msgspec.structs.replace(token, token_id=bytes(16))
    assert await verifier.verify(await verifier.signed(same)) == same


async def test_an_organisations_epoch_ends_all_its_tokens_and_no_others(
    world: World, verifier: Verifier
) -> None:
    here = await world.admin.log_in()
    other = await world.found("Other")
    there = await world.member(other).log_in()
    await verifier.verify(here)
    await verifier.verify(there)
    name = world.founding.organization.id
    sql = f"UPDATE organizations SET token_epoch = token_epoch + 1 WHERE id = '{name}'"
    change_row(world.file, sql, "organization", name)
    assert await verifier.refusal(here) == "organisation's tokens ended"
    await verifier.verify(there)
    await verifier.verify(await world.admin.log_in())


async def test_a_single_ended_token_is_refused_and_its_siblings_are_not(
    world: World, verifier: Verifier
) -> None:
    one, other = await world.admin.log_in(), await world.admin.log_in()
    token = await verifier.verify(one)
    denied = DeniedToken(
        token_id=token.token_id,
        organization_id=token.organization_id,
        expires_at=token.expires_at,
    )
    await world.node.store.write(lambda transaction: transaction.denied_tokens.add(denied))
    assert await verifier.refusal(one) == "ended"
    await verifier.verify(other)


async def test_an_ended_token_stays_ended_when_the_time_of_day_goes_back(world: World) -> None:
    text = await world.admin.log_in()
    assert (await world.admin.call("DELETE", "/api/v2/tokens/me")).status_code == 200
    world.clock.step(86_401)
    late = Verifier(world)
    try:
        assert await late.refusal(text) == "expired"
        await late.reads.is_denied(b"any")
        world.clock.step(-300)
        assert await late.refusal(text) == "ended"
    finally:
        await late.store.close()


async def a_users_token(world: World, verifier: Verifier) -> tuple[AccessToken, str]:
    token = await verifier.verify(await world.admin.log_in())
    user = User(
        id=USER_ID,
        organization_id=token.organization_id,
        name="A person",
        email="person@example.com",
        created_at=0,
    )
    await world.node.store.write(lambda transaction: transaction.users.add(user, None))
    mine = msgspec.structs.replace(token, user_id=USER_ID, user_epoch=user.token_epoch)
    text = await verifier.signed(mine)
    assert await verifier.verify(text) == mine
    assert mine.subject_id == USER_ID
    return mine, text


async def test_a_new_password_ends_a_users_tokens(world: World, verifier: Verifier) -> None:
    _, text = await a_users_token(world, verifier)
    await world.node.store.write(
        lambda transaction: transaction.users.set_password(USER_ID, "digest")
    )
    assert await verifier.refusal(text) == "user's tokens ended"


@pytest.mark.parametrize(
    "change",
    [
        f"SET state = '{UserState.INACTIVE.value}'",
        "SET deleted_at = 1",
        "SET token_epoch = token_epoch + 1",
        "SET organization_id = 'elsewhere'",
    ],
)
async def test_a_user_who_is_not_there_or_not_active_has_no_good_token(
    world: World, verifier: Verifier, change: str
) -> None:
    _, text = await a_users_token(world, verifier)
    change_row(world.file, f"UPDATE users {change} WHERE id = '{USER_ID}'", "user", USER_ID)
    assert await verifier.refusal(text) == "user's tokens ended"


async def test_a_user_who_never_was_has_no_good_token(world: World, verifier: Verifier) -> None:
    token, _ = await a_users_token(world, verifier)
    stranger = msgspec.structs.replace(token, user_id=str(uuid.UUID(int=9)))
    assert await verifier.refusal(await verifier.signed(stranger)) == "user's tokens ended"


async def test_issuing_and_verifying_write_nothing(world: World, verifier: Verifier) -> None:
    await verifier.verify(await world.admin.log_in())
    watch = apsw.Connection(str(world.file))
    version = list(watch.execute("PRAGMA data_version"))
    for _ in range(20):
        await verifier.verify(await world.admin.log_in())
    assert list(watch.execute("PRAGMA data_version")) == version
    watch.close()
