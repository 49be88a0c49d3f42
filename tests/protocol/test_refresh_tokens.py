"""The form of refresh tokens: what is written is read, and nothing else is."""

import base64
import string
import uuid
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grantory.domain.code import Epochs, TokenFamily
from grantory.errors import GrantoryError
from grantory.protocol.refresh_tokens import PREFIX, Generation, RefreshTokens
from grantory.protocol.vouch import Vouch
from tests.security.test_tokens import reads_of
from tests.support.world import World

T = TypeVar("T")


class Refused(GrantoryError):
    """What was presented is not good."""


FAMILY = "0b4c8f5e-0d0e-4f0a-8a3b-5a1c2d3e4f50"
URL_SAFE = string.ascii_letters + string.digits + "-_"
LENGTH = 91
on_one_world = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def a_family(organization_id: str, **fields: object) -> TokenFamily:
    family = TokenFamily(
        id=FAMILY,
        organization_id=organization_id,
        client_id=FAMILY,
        user_id=FAMILY,
        session_id=None,
        scopes=(),
        epochs=Epochs(1, 1, 1),
        created_at=0,
        expires_at=0,
        generation=1,
    )
    return msgspec.structs.replace(family, **fields)


@pytest.fixture
async def refresh_tokens(world: World) -> RefreshTokens:
    """Writes and reads, with the organisation's key in memory."""
    made = RefreshTokens(reads_of(world))
    text = (await made.write(a_family(world.founding.organization.id), None)).reveal()
    assert await made.read(text) is not None
    return made


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """The outcome of what waits for nothing, since all it needs is in memory."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        value: T = finished.value
        return value
    raise AssertionError("it waits for something")


def written(refresh_tokens: RefreshTokens, family: TokenFamily) -> str:
    return at_once(refresh_tokens.write(family, None)).reveal()


@on_one_world
@given(st.uuids(), st.integers(0, 2**64 - 1))
def test_what_is_written_is_read(
    world: World, refresh_tokens: RefreshTokens, family_id: uuid.UUID, generation: int
) -> None:
    organization_id = world.founding.organization.id
    family = a_family(organization_id, id=str(family_id), generation=generation)
    text = written(refresh_tokens, family)
    assert len(text) == LENGTH
    assert set(text[len(PREFIX) :]) <= set(URL_SAFE)
    read = at_once(refresh_tokens.read(text))
    key_id = at_once(refresh_tokens.newest_key_id(organization_id))
    assert read == Generation(organization_id, str(family_id), generation, key_id)
    # The same again, word for word: a lost answer is given once more without being kept.
    assert written(refresh_tokens, family) == text


def test_every_changed_character_is_refused(world: World, refresh_tokens: RefreshTokens) -> None:
    text = written(refresh_tokens, a_family(world.founding.organization.id))
    for position, character in enumerate(text):
        for other in URL_SAFE + "+/=.~ \u00e9\x00":
            changed = text[:position] + other + text[position + 1 :]
            read = at_once(refresh_tokens.read(changed))
            assert (read is None) == (other != character), changed
        assert at_once(refresh_tokens.read(text[:position] + text[position + 1 :])) is None
        assert at_once(refresh_tokens.read(text[:position])) is None


@on_one_world
@given(st.lists(st.tuples(st.integers(0, LENGTH - 1), st.sampled_from(URL_SAFE)), max_size=6))
def test_so_are_several(
    world: World, refresh_tokens: RefreshTokens, changes: list[tuple[int, str]]
) -> None:
    text = written(refresh_tokens, a_family(world.founding.organization.id))
    changed = list(text)
    for position, character in changes:
        changed[position] = character
    read = at_once(refresh_tokens.read("".join(changed)))
    assert (read is None) == ("".join(changed) != text)


@on_one_world
@given(st.text(max_size=100) | st.text(URL_SAFE, min_size=87, max_size=87).map(PREFIX.__add__))
def test_no_other_text_is_read(refresh_tokens: RefreshTokens, text: str) -> None:
    assert at_once(refresh_tokens.read(text)) is None


def test_parts_of_two_make_no_third(world: World, refresh_tokens: RefreshTokens) -> None:
    organization_id = world.founding.organization.id
    families = [a_family(organization_id, generation=number) for number in (1, 2)]
    one, two = (raw_of(written(refresh_tokens, family)) for family in families)
    for cut in range(1, len(one)):
        mixed = one[:cut] + two[cut:]
        text = PREFIX + base64.urlsafe_b64encode(mixed).decode().rstrip("=")
        assert (at_once(refresh_tokens.read(text)) is None) == (mixed not in (one, two))


async def test_a_key_vouches_for_its_own_organisation(world: World) -> None:
    other = await world.found("Elsewhere")
    made = RefreshTokens(reads_of(world))
    mine = (await made.write(a_family(world.founding.organization.id), None)).reveal()
    theirs = (await made.write(a_family(other.organization.id), None)).reveal()
    assert mine != theirs
    read = await made.read(theirs)
    assert read is not None
    assert read.organization_id == other.organization.id
    one, two = raw_of(mine), raw_of(theirs)
    for mixed in (one[:9] + two[9:], two[:9] + one[9:], one[:33] + two[33:]):
        text = PREFIX + base64.urlsafe_b64encode(mixed).decode().rstrip("=")
        assert await made.read(text) is None


async def test_an_older_key_is_read_and_an_ended_one_is_not(world: World) -> None:
    organization_id, keys = world.founding.organization.id, world.node.keys
    made = RefreshTokens(reads_of(world))
    before = (await made.write(a_family(organization_id), None)).reveal()
    await world.node.store.write(lambda t: keys.rotate(t, organization_id, end_tokens=False))
    reads = reads_of(world)
    await reads.refresh()
    made = RefreshTokens(reads)
    assert await made.read(before) is not None
    assert (await made.write(a_family(organization_id), None)).reveal() != before
    await world.node.store.write(lambda t: keys.rotate(t, organization_id, end_tokens=True))
    assert await RefreshTokens(reads_of(world)).read(before) is None


async def test_none_is_written_for_one_whose_key_is_gone_though_nothing_is_heard(
    world: World,
) -> None:
    """The newest key may be read from the store before it is heard that the other is gone."""
    organization_id, keys = world.founding.organization.id, world.node.keys
    text = (await RefreshTokens(reads_of(world)).write(a_family(organization_id), None)).reveal()
    made = RefreshTokens(reads_of(world))
    read = await made.read(text)
    assert read is not None
    vouch = Vouch(read.key_id, Refused)
    await world.node.store.write(lambda t: keys.rotate(t, organization_id, end_tokens=False))
    again = RefreshTokens(reads_of(world))
    assert (await again.write(a_family(organization_id), vouch)).reveal() != text
    await world.node.store.write(lambda t: keys.rotate(t, organization_id, end_tokens=True))
    with pytest.raises(Refused):
        await made.write(a_family(organization_id), vouch)


def raw_of(text: str) -> bytes:
    encoded = text[len(PREFIX) :]
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
