"""The rules about clients."""

import itertools

import msgspec
import pytest

from grantory.domain.client import (
    MAX_MACHINE_TOKEN_LIFETIME,
    MAX_TOKEN_LIFETIME,
    Client,
    ClientState,
    GrantType,
    ends_tokens,
    longest_token_lifetime,
)

MACHINE = GrantType.CLIENT_CREDENTIALS


def client(state: ClientState = ClientState.ACTIVE, grant_type: GrantType = MACHINE) -> Client:
    return Client(
        id="c",
        organization_id="o",
        name="n",
        grant_type=grant_type,
        state=state,
        created_at=0,
        modified_at=0,
    )


@pytest.mark.parametrize(
    ("state", "gains", "good"),
    [
        (ClientState.ACTIVE, True, True),
        (ClientState.INACTIVE, False, True),
        (ClientState.DISABLED, False, False),
    ],
)
def test_what_a_state_means_for_tokens(state: ClientState, gains: bool, good: bool) -> None:
    assert client(state).may_gain_tokens is gains
    assert client(state).tokens_are_good is good


def test_a_client_that_will_be_deleted_gains_no_tokens_and_keeps_those_it_has() -> None:
    going = msgspec.structs.replace(client(), delete_at=10**15)
    assert not going.may_gain_tokens
    assert going.tokens_are_good


@pytest.mark.parametrize(("before", "after"), list(itertools.product(ClientState, repeat=2)))
def test_only_disabling_ends_tokens_for_good(before: ClientState, after: ClientState) -> None:
    expected = after is ClientState.DISABLED and before is not ClientState.DISABLED
    assert ends_tokens(client(before), client(after)) is expected


@pytest.mark.parametrize(("before", "after"), list(itertools.product(GrantType, repeat=2)))
def test_another_grant_type_ends_tokens(before: GrantType, after: GrantType) -> None:
    changed = ends_tokens(client(grant_type=before), client(grant_type=after))
    assert changed is (before is not after)


@pytest.mark.parametrize("grant_type", list(GrantType))
def test_a_plain_edit_ends_no_token(grant_type: GrantType) -> None:
    before = client(grant_type=grant_type)
    after = msgspec.structs.replace(
        before, name="other", scopes=("a",), redirect_uris=("https://a.example",), delete_at=1
    )
    assert not ends_tokens(before, after)


@pytest.mark.parametrize(
    ("grant_type", "for_itself", "redirects"),
    [
        (GrantType.AUTHORIZATION_CODE, False, True),
        (GrantType.IMPLICIT, False, True),
        (GrantType.SAML2_BEARER, False, True),
        (GrantType.PASSWORD, False, False),
        (GrantType.CLIENT_CREDENTIALS, True, False),
    ],
)
def test_which_fields_apply_to_a_grant_type(
    grant_type: GrantType, for_itself: bool, redirects: bool
) -> None:
    assert grant_type.acts_for_itself is for_itself
    assert grant_type.has_redirect_uris is redirects
    longest = MAX_MACHINE_TOKEN_LIFETIME if for_itself else MAX_TOKEN_LIFETIME
    assert longest_token_lifetime(grant_type) == longest


def test_the_limits_are_those_of_the_platform() -> None:
    assert MAX_TOKEN_LIFETIME == 2 * 24 * 3600
    assert MAX_MACHINE_TOKEN_LIFETIME == 450 * 24 * 3600
