"""Attack cases 66 and 69: credentials that cannot be guessed, altered or kept in a cache."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import msgspec
import pytest

from grantory.domain.client import ClientRecord
from grantory.domain.secret import KEY_ID_ENTROPY_BYTES, SECRET_ENTROPY_BYTES, compose_client_secret
from grantory.domain.token import AccessToken, SigningKey
from grantory.protocol.access_tokens import AccessTokens
from grantory.protocol.grants.decision import Decision
from grantory.protocol.token_codec import PREFIX, encode, read_key_id
from grantory.storage.hot_reads import RememberedReads
from tests.security.answers import refused
from tests.support.world import CLIENTS, ROLES, World

SAMPLES = 10_000
URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def reads_of(world: World) -> RememberedReads:
    node = world.node
    return RememberedReads(node.store, node.store.feed, node.master_key)


def bits_by_position(samples: Sequence[bytes] | Sequence[str]) -> list[float]:
    """The Shannon entropy of each position; nothing is hidden in an order or a counter."""
    entropies = []
    for position in range(len(samples[0])):
        counts = Counter(sample[position] for sample in samples)
        shares = [count / len(samples) for count in counts.values()]
        entropies.append(-sum(share * math.log2(share) for share in shares))
    return entropies


def assert_no_pattern(samples: Sequence[bytes], expected: float = 8.0) -> None:
    assert len(set(samples)) == len(samples)
    assert len({len(sample) for sample in samples}) == 1
    entropies = bits_by_position(samples)
    assert min(entropies) > expected - 0.1, entropies
    # Neighbours share no more than chance gives them.
    same = sum(a == b for one, two in pairwise(samples) for a, b in zip(one, two, strict=True))
    assert same < 2 * len(samples) * len(samples[0]) / 2**expected


async def test_case_66_ten_thousand_tokens_have_no_pattern(world: World) -> None:
    reads = reads_of(world)
    tokens = AccessTokens(reads, world.clock, world.node.random)
    await reads.refresh()
    record = await reads.client(world.admin.client_id)
    assert record is not None

    texts = [(await tokens.issue(record, Decision()))[0] for _ in range(SAMPLES)]

    assert len(set(texts)) == SAMPLES
    assert all(set(text) <= set(URL_SAFE) for text in texts)
    # Same client, same second: whatever differs is the id's 128 bits and the MAC's 256.
    raws = [read_key_id(text)[1] for text in texts]
    verified = [await tokens.verify(text) for text in texts]
    ids = [token.token_id for token in verified]
    assert {len(token_id) for token_id in ids} == {16}
    assert_no_pattern(ids)
    assert_no_pattern([raw[-32:] for raw in raws])


def test_case_66_ten_thousand_secrets_have_no_pattern(world: World) -> None:
    made = [
        compose_client_secret(
            world.node.random.token_bytes(KEY_ID_ENTROPY_BYTES),
            world.node.random.token_bytes(SECRET_ENTROPY_BYTES),
        )
        for _ in range(SAMPLES)
    ]

    texts = [secret.reveal() for _, secret in made]
    assert len(set(texts)) == len({key_id for key_id, _ in made}) == SAMPLES
    assert {len(text) for text in texts} == {61}
    random_parts = [text[12:55].encode() for text in texts]
    assert_no_pattern(random_parts, math.log2(62))
    assert sum(bits_by_position(random_parts)) > 250


async def test_case_66_what_the_api_gives_out_has_no_repeats(world: World) -> None:
    role_id = await world.admin.make_role("routing:queue:view")
    clients = [await world.admin.make_client(role_id) for _ in range(100)]
    secrets = [client.secret for client in clients]
    secrets += [
        (await world.admin.post(f"{CLIENTS}/{client.client_id}/secret"))["secret"]
        for client in clients
    ]

    assert len(set(secrets)) == 200
    assert len({secret[4:12] for secret in secrets}) == 200
    assert len({client.client_id for client in clients}) == 100
    assert all(text.count("4", 14, 15) == 1 for text in (c.client_id for c in clients))


async def good(world: World, token: str) -> bool:
    headers = {b"authorization": b"Bearer " + token.encode()}
    answer = await world.http.get("/api/v2/tokens/me", headers=headers)
    if answer.status_code == 200:
        return True
    code = answer.json()["code"]
    refused(answer, 401, code)
    assert code in ("bad.credentials", "authentication.required")
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    return False


async def test_case_66_no_altered_token_is_good(world: World) -> None:
    token = await world.admin.log_in()
    assert await good(world, token)

    altered = []
    for position, character in enumerate(token):
        at = URL_SAFE.index(character) if character in URL_SAFE else 0
        for other in {URL_SAFE[at ^ 1], URL_SAFE[at ^ 32], URL_SAFE[(at + 7) % 64], "="}:
            altered.append(token[:position] + other + token[position + 1 :])
        altered.append(token[:position] + token[position + 1 :])
    altered += [token[:-length] for length in range(1, len(token))]
    altered += [token + more for more in ("A", "=", "==", "AA", "AAAA", ".", "%00", "\u00e9")]
    altered += [token + token[4:], "A" + token, token.upper(), token.lower(), token.swapcase()]
    altered += [prefix + token[4:] for prefix in ("", "gcs_", "GAT_", "gat-", "gat", "gat__")]
    altered += [token.replace("-", "+").replace("_", "/", 2), PREFIX, PREFIX + "A" * 100]
    altered += [PREFIX + "A" * 2000, world.admin.secret, world.admin.client_id]
    for text in altered:
        assert text == token or not await good(world, text), text
    # Every way to write the last character in base64 but the one is refused.
    for last in URL_SAFE:
        assert await good(world, token[:-1] + last) == (last == token[-1])
    assert await good(world, token)


class Forger:
    """Signs what it likes with the server's own keys: what may still not pass, by its claims."""

    def __init__(self, record: ClientRecord, key: SigningKey, token: AccessToken) -> None:
        self._record = record
        self._key = key
        self.token = token

    def sign(self, key: SigningKey | None = None, **claims: object) -> str:
        forged = msgspec.structs.replace(self.token, **claims)
        return encode(forged, key or self._key, bytes.fromhex(forged.client_id.replace("-", "")))


async def forger(world: World, text: str) -> Forger:
    reads = reads_of(world)
    await reads.refresh()
    token = await AccessTokens(reads, world.clock, world.node.random).verify(text)
    record = await reads.client(token.client_id)
    assert record is not None
    return Forger(record, await reads.newest_signing_key(token.organization_id), token)


async def test_case_66_a_key_vouches_for_its_own_organisation_only(world: World) -> None:
    other = await world.found("Elsewhere")
    mine = await forger(world, await world.admin.log_in())
    theirs = await forger(world, await world.member(other).log_in())
    foreign_key = theirs._key

    assert await good(world, mine.sign())
    # The other organisation's key, with our client and whatever organisation inside.
    assert not await good(world, mine.sign(foreign_key))
    assert not await good(world, mine.sign(foreign_key, organization_id=other.organization.id))
    # Our key for their client.
    assert not await good(world, mine.sign(client_id=other.client.id))
    # Our key under their key's id, and a key that nobody has.
    for key_id in (foreign_key.key_id, bytes(8)):
        disguised = msgspec.structs.replace(mine._key, key_id=key_id)
        assert not await good(world, mine.sign(disguised))
    for material in (bytes(32), b"", foreign_key.material):
        weak = msgspec.structs.replace(mine._key, material=material)
        assert not await good(world, mine.sign(weak))


@pytest.mark.parametrize("claim", ["organization_epoch", "client_epoch"])
@pytest.mark.parametrize("step", [-1, 1, 1000])
async def test_case_66_only_the_epoch_of_today_is_good(world: World, claim: str, step: int) -> None:
    mine = await forger(world, await world.admin.log_in())

    assert not await good(world, mine.sign(**{claim: getattr(mine.token, claim) + step}))


async def test_case_66_a_signed_token_of_nobody_is_refused(world: World) -> None:
    mine = await forger(world, await world.admin.log_in())
    user = await world.node.store.read(
        lambda snapshot: snapshot.access.grants_of_role(
            snapshot.access.all_roles(mine.token.organization_id)[0].id
        )
    )
    user_id = next(g.subject_id for g in user if g.subject_id != world.admin.client_id)

    assert not await good(world, mine.sign(client_id="11111111-2222-4333-8444-555555555555"))
    assert not await good(world, mine.sign(user_id="11111111-2222-4333-8444-555555555555"))
    assert not await good(world, mine.sign(user_id=user_id, user_epoch=0))
    assert not await good(world, mine.sign(user_id=world.admin.client_id, user_epoch=1))
    assert not await good(world, mine.sign(expires_at=mine.token.issued_at))


async def test_case_66_a_token_ends_to_the_second(world: World) -> None:
    role_id = await world.admin.make_role("routing:queue:view")
    short = await world.admin.make_client(role_id, accessTokenValiditySeconds=300)
    token = await short.log_in()

    world.clock.advance(299.9)
    assert await good(world, token)
    world.clock.advance(0.1)
    assert not await good(world, token)
    world.clock.step(-100_000)
    ended = await short.log_in()
    assert (await short.call("DELETE", "/api/v2/tokens/me")).status_code == 200
    assert not await good(world, ended)


async def test_case_69_no_answer_is_kept_in_a_cache(world: World) -> None:
    admin = world.admin
    asked = await world.ask_token(admin.client_id, admin.secret)
    assert asked.headers["content-type"] == "application/json"
    role_id = await admin.make_role("routing:queue:view")
    body = {"name": "a", "authorizedGrantType": "CLIENT-CREDENTIALS", "roleIds": [role_id]}
    created = await admin.call("POST", CLIENTS, body)
    one = f"{CLIENTS}/{created.json()['id']}"
    answers = [
        asked,
        created,
        await world.ask_token(admin.client_id, "wrong"),
        await world.ask_token(admin.client_id, admin.secret, {"grant_type": "none"}),
        await admin.call("POST", f"{one}/secret"),
        await admin.call("PUT", one, body),
        await admin.call("GET", one),
        await admin.call("GET", CLIENTS),
        await admin.call("GET", f"{CLIENTS}?pageSize=1"),
        await admin.call("GET", ROLES),
        await admin.call("POST", CLIENTS, {}),
        await admin.call("DELETE", one),
        await admin.call("HEAD", "/api/v2/tokens/me"),
        await admin.call("GET", "/api/v2/tokens/me"),
        await admin.call("PATCH", CLIENTS),
        await admin.call("GET", "/nowhere"),
        await world.http.get(CLIENTS),
        await world.http.get("/"),
        await world.http.get("/health/ready"),
    ]

    assert [answer.headers["cache-control"] for answer in answers] == ["no-store"] * len(answers)
    # A listing that is long enough to be streamed.
    for _ in range(500):
        await admin.post(CLIENTS, {"name": "a", "authorizedGrantType": "CODE"})
    streamed = await admin.call("GET", CLIENTS)
    assert "content-length" not in streamed.headers
    assert streamed.headers["cache-control"] == "no-store"
    assert "gcs_" not in streamed.text


@pytest.mark.parametrize("step", [-300, -299, 299, 300])
async def test_case_88_a_step_of_the_clock_lengthens_no_life_beyond_itself(
    world: World, step: int
) -> None:
    role = await world.admin.make_role("oauth:client:view")
    member = await world.admin.make_client(role, accessTokenValiditySeconds=3600)
    await member.log_in()
    world.clock.step(step)
    assert (await member.call("GET", CLIENTS)).status_code == 200
    world.clock.advance(3600 - step - 1)
    assert (await member.call("GET", CLIENTS)).status_code == 200
    world.clock.advance(1)
    assert (await member.call("GET", CLIENTS)).status_code == 401


async def test_case_88_a_token_of_a_clock_far_ahead_is_refused(world: World) -> None:
    role = await world.admin.make_role("oauth:client:view")
    member = await world.admin.make_client(role)
    world.clock.step(86_400 * 365)
    await member.log_in()
    world.clock.step(-86_400 * 365)
    assert (await member.call("GET", CLIENTS)).status_code == 401
    await member.log_in()
    assert (await member.call("GET", CLIENTS)).status_code == 200


async def test_case_88_what_is_measured_in_spans_does_not_see_the_step(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")

    async def is_slowed_down() -> bool:
        answer = await world.ask_token(member.client_id, "wrong")
        assert answer.status_code >= 400
        return "retry-after" in answer.headers

    assert [await is_slowed_down() for _ in range(20)] == [False] * 20
    assert await is_slowed_down()
    world.clock.step(3600)
    assert await is_slowed_down()
    world.clock.advance(61)
    assert not await is_slowed_down()
