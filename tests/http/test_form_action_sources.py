"""Where the forms of the login side may lead, as browsers read it."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from grantory.domain.redirect_uri import RedirectUriError
from grantory.http.login.sources import form_action, source_of

# The grammar of CSP Level 3, section 2.3.1, as far as it is used.
SOURCE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    r"|[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]+)?"
)
SCHEMES = st.sampled_from(["https", "http", "HTTPS", "com.acme.desk", "javascript", "data", ""])
HOSTILE = st.text(st.sampled_from("ab.-_:/@%[]1\\;,'\"* \t\r\n\0#?*ä"), max_size=30)


@pytest.mark.parametrize(
    ("redirect_uri", "source"),
    [
        ("https://desk.acme.example/cb?a=b", "https://desk.acme.example"),
        ("https://DESK.acme.example:8443/cb", "https://desk.acme.example:8443"),
        ("https://desk.acme.example:443/cb", "https://desk.acme.example"),
        ("http://localhost:3000/cb", "http://localhost:3000"),
        ("http://127.0.0.1:49152/cb", "http://127.0.0.1:49152"),
        ("http://[::1]:49152/cb", "http:"),
        ("https://[2001:db8::1]/cb", "https:"),
        ("https://192.0.2.7/cb", "https://192.0.2.7"),
        ("https://0300.0.2.7/cb", "https:"),
        ("https://192.0.519/cb", "https:"),
        ("https://0x7f.1/cb", "https:"),
        ("https://my_desk.acme.example/cb", "https:"),
        ("https://desk.acme.example./cb", "https:"),
        ("com.acme.desk:/cb", "com.acme.desk:"),
        ("COM.acme.Desk://cb", "com.acme.desk:"),
    ],
)
def test_a_redirect_uri_has_its_source(redirect_uri: str, source: str) -> None:
    assert source_of(redirect_uri) == source


@pytest.mark.parametrize(
    "redirect_uri",
    ["", "/cb", "https:///cb", "https://a;b/cb", "https://a,b/cb", "http://acme.example/cb"],
)
def test_what_may_not_be_registered_has_none(redirect_uri: str) -> None:
    with pytest.raises(RedirectUriError):
        source_of(redirect_uri)


@given(st.one_of(st.text(), st.builds("{}://{}".format, SCHEMES, HOSTILE)))
@example("https://a.example\r\nx: y/cb")
@example("https://a.example;script-src */cb")
@example("https://a.example 'unsafe-inline'/cb")
@example("com.a;default-src:/cb")
def test_no_character_breaks_out_of_the_header(redirect_uri: str) -> None:
    try:
        source = source_of(redirect_uri)
    except RedirectUriError:
        return
    assert SOURCE.fullmatch(source)
    assert form_action((source,)) == f"form-action 'self' {source}"


@given(st.text(max_size=40).filter(lambda text: not SOURCE.fullmatch(text)))
@example("https://a.example; script-src *")
@example("https://a.example\n")
@example("'unsafe-inline'")
@example("*")
@example("")
def test_nothing_but_a_source_comes_into_the_header(text: str) -> None:
    with pytest.raises(ValueError, match="source expressions only"):
        form_action((text,))


def test_a_source_stands_there_once() -> None:
    assert form_action(("https://a.example", "https://a.example")) == (
        "form-action 'self' https://a.example"
    )
    assert form_action(()) == "form-action 'self'"
