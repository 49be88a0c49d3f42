"""The form of a token request, read strictly."""

from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grantory.errors import OAuthError
from grantory.protocol.token_request import MAX_PARAMETERS, TokenRequest, parse_form

pieces = st.sampled_from(
    [
        *("a", "b", "grant_type", "=", "=", "&", "&", "+", "%", "%20", "%41", "%3D", "%26", "%zz"),
        *("%C3%A4", "%FF", "%00", "ä", "1", "", ";", "%2", "\x00", " ", "\n"),
    ]
)


@given(st.lists(pieces, max_size=20).map("".join))
@example("a=1&a=2")
@example("a=&a=1")
@example("%61=1&a=2")
@example("a&a")
@example("&&a=1&")
def test_what_is_legal_is_read_as_the_standard_library_reads_it(text: str) -> None:
    oracle = parse_legal(text)
    if oracle is None:
        with pytest.raises(OAuthError) as caught:
            parse_form(text.encode())
        assert caught.value.error == "invalid_request"
    else:
        assert parse_form(text.encode()) == oracle


def parse_legal(text: str) -> dict[str, str] | None:
    """What parse_qs finds; None where the request is to be refused."""
    try:
        found = parse_qs(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        return None
    single = {name: values[0] for name, values in found.items() if len(values) == 1}
    if len(single) != len(found) or "\x00" in text or any("\x00" in v for v in single.values()):
        return None
    return {name: value for name, value in single.items() if value}


legal_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20
)


@given(st.dictionaries(legal_text, legal_text, max_size=20))
def test_every_legal_form_is_read(form: dict[str, str]) -> None:
    assert parse_form(urlencode(form).encode()) == form


@pytest.mark.parametrize(
    "body",
    [b"\xff=1", b"a=\xff", b"a=%ff", b"%ff=1", b"a=%c3", b"a=\xc3\x28", b"a=%ed%a0%80"],
)
def test_text_that_is_not_utf8_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthError, match="UTF-8") as caught:
        parse_form(body)
    assert caught.value.error == "invalid_request"


@pytest.mark.parametrize("body", [b"a=\x00", b"a=%00", b"a=x%00y", b"\x00=1"])
def test_nul_is_refused(body: bytes) -> None:
    with pytest.raises(OAuthError, match="NUL"):
        parse_form(body)


@pytest.mark.parametrize("body", [b"a=1&a=1", b"a=1&b=2&a=", b"a=&a=", b"a=1&%61=2", b"a&a"])
def test_a_parameter_that_comes_twice_is_refused_with_or_without_value(body: bytes) -> None:
    with pytest.raises(OAuthError, match="more than once"):
        parse_form(body)


def test_sixty_four_parameters_are_read_and_no_more() -> None:
    pairs = [f"p{number}=1" for number in range(MAX_PARAMETERS + 1)]
    assert len(parse_form("&".join(pairs[:-1]).encode())) == MAX_PARAMETERS
    with pytest.raises(OAuthError, match="more than 64"):
        parse_form("&".join(pairs).encode())


def test_a_parameter_without_value_counts_as_left_out() -> None:
    assert parse_form(b"grant_type=&scope&x=1") == {"x": "1"}


def test_a_missing_parameter_is_an_invalid_request_that_names_it() -> None:
    request = TokenRequest(form={"a": "1"}, authorization=None, address="192.0.2.1")
    assert request.required("a") == "1"
    with pytest.raises(OAuthError, match="grant_type is missing") as caught:
        request.required("grant_type")
    assert caught.value.error == "invalid_request"


def test_a_request_does_not_show_its_values() -> None:
    form = {"client_secret": "hidden-1", "grant_type": "hidden-2"}
    shown = repr(TokenRequest(form=form, authorization="Basic hidden-3", address="192.0.2.1"))
    assert "hidden" not in shown
    assert "client_secret" in shown
    assert "192.0.2.1" in shown
