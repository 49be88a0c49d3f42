"""Authenticating a client by exactly one method."""

import base64
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.errors import OAuthError
from grantory.protocol.client_auth.presented import PresentedSecret
from grantory.protocol.client_auth.secret_basic import MAX_HEADER, ClientSecretBasic
from grantory.protocol.client_auth.secret_post import ClientSecretPost
from grantory.protocol.token_request import TokenRequest

parts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


def request(authorization: str | None = None, **form: str) -> TokenRequest:
    return TokenRequest(form=form, authorization=authorization, address="192.0.2.1")


def encoded(text: str | bytes) -> str:
    data = text.encode() if isinstance(text, str) else text
    return base64.b64encode(data).decode()


@given(parts, parts)
def test_basic_reads_what_rfc_6749_has_clients_encode(client_id: str, secret: str) -> None:
    pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
    found = ClientSecretBasic().detect(request(f"Basic {encoded(pair)}"))
    assert found == PresentedSecret(client_id, secret)


@pytest.mark.parametrize(
    ("header", "client_id", "secret"),
    [
        (f"Basic {encoded('id:secret')}", "id", "secret"),
        (f"basic {encoded('id:secret')}", "id", "secret"),
        (f"BASIC   {encoded('id:secret')}  ", "id", "secret"),
        (f"Basic {encoded('id:a:b:c')}", "id", "a:b:c"),
        (f"Basic {encoded('id:')}", "id", ""),
        (f"Basic {encoded('id%3A1:secret')}", "id:1", "secret"),
        (f"Basic {encoded('id:a+b')}", "id", "a b"),
        (f"Basic {encoded('id:sécret')}", "id", "sécret"),
    ],
)
def test_basic_headers_that_are_read(header: str, client_id: str, secret: str) -> None:
    assert ClientSecretBasic().detect(request(header)) == PresentedSecret(client_id, secret)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Bearer abc",
        f"Bearer {encoded('id:secret')}",
        f"Digest {encoded('id:secret')}",
        f"Basic\t{encoded('id:secret')}",
        f"Basic {encoded('id')}",
        f"Basic {encoded(':secret')}",
        f"Basic {encoded('')}",
        f"Basic {encoded('id:secret')[:-1]}",
        f"Basic {encoded('id:secret')}!",
        f"Basic {encoded('id:sec')} {encoded('ret')}",
        f"Basic {encoded(b'id:' + bytes([0xE9]))}",
        f"Basic {encoded('id:%ff')}",
        "Basic \u00e9",
        f"Basic {encoded('id:' + 'x' * MAX_HEADER)}",
    ],
)
def test_a_malformed_header_is_an_invalid_client_with_a_challenge(header: str) -> None:
    with pytest.raises(OAuthError) as caught:
        ClientSecretBasic().detect(request(header))
    assert caught.value.error == "invalid_client"
    assert caught.value.status == 401
    assert caught.value.challenge


def test_no_header_is_no_use_of_the_method() -> None:
    assert ClientSecretBasic().detect(request(client_id="id", client_secret="s")) is None


def test_the_form_presents_id_and_secret() -> None:
    found = ClientSecretPost().detect(request(client_id="id", client_secret="s"))
    assert found == PresentedSecret("id", "s")
    assert ClientSecretPost().detect(request(client_id="id")) is None
    assert ClientSecretPost().detect(request("Basic x", client_id="id")) is None


def test_a_secret_without_an_id_is_an_invalid_request() -> None:
    with pytest.raises(OAuthError, match="without client_id") as caught:
        ClientSecretPost().detect(request(client_secret="s"))
    assert caught.value.error == "invalid_request"


def test_what_was_presented_is_not_shown() -> None:
    assert repr(PresentedSecret("id", "hidden")) == "PresentedSecret(****)"
