"""The pages of the login side, as they are sent: headers, escaping, fields, colours."""

import base64
import hashlib
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.http.login.pages import Pages
from grantory.http.login.views import SignedOutView
from grantory.http.response import Response
from tests.support.login_pages import EMAIL, a_consent, a_login, an_error, every_state

STATES = every_state()
PAGES = Pages()
STYLE = files("grantory.http.login").joinpath("style.css").read_text("utf-8")
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&{{ 7 * 7 }}</style></title>"
FOREIGN = {"src", "srcset", "href", "action", "formaction", "poster", "data", "style", "background"}
# What is written upon what, and how far apart the two must be (WCAG 2.2, 1.4.3 and 1.4.11).
COLOURS = [
    *((text, ground, 4.5) for text in ("text", "soft") for ground in ("card", "wash")),
    ("text", "page", 4.5),
    *((text, ground, 4.5) for text in ("main", "main-lit") for ground in ("card", "wash")),
    *(("on-main", ground, 4.5) for ground in ("main", "main-lit")),
    ("bad", "bad-wash", 4.5),
    ("edge", "card", 3),
    ("main", "page", 3),
    ("main", "wash", 3),
]

Tag = tuple[str, dict[str, str | None]]


class Reader(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[Tag] = []
        self.texts: list[str] = []
        self.feed(page.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def fields(self) -> dict[str, str]:
        return {
            each["name"] or "": each.get("value") or ""
            for each in self.named("input")
            if each["name"]
        }


def headers_of(response: Response) -> dict[str, str]:
    headers = {name.decode(): value.decode() for name, value in response.headers}
    assert len(headers) == len(response.headers)
    return headers


def hostile_pages() -> Iterator[Response]:
    yield PAGES.login(
        a_login(
            organization=HOSTILE,
            client=HOSTILE,
            client_description=HOSTILE,
            request=HOSTILE,
            email=HOSTILE,
            problem=HOSTILE,
        )
    )
    yield PAGES.consent(
        a_consent(
            organization=HOSTILE,
            client=HOSTILE,
            client_description=HOSTILE,
            user_name=HOSTILE,
            user_email=HOSTILE,
            scopes=((HOSTILE, HOSTILE), (HOSTILE, "")),
            other_user=HOSTILE,
            redirect_host=HOSTILE,
        )
    )
    yield PAGES.error(an_error(title=HOSTILE))
    yield PAGES.signed_out(SignedOutView(client=HOSTILE))


@pytest.mark.parametrize("state", STATES)
def test_every_page_has_the_headers_of_a_page_that_keeps_to_itself(state: str) -> None:
    headers = headers_of(STATES[state])
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    assert headers.pop("content-security-policy") == (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )
    waits = headers.pop("retry-after", None)
    assert waits == {"login-throttled": "40", "error-later": "5"}.get(state)
    permissions = headers.pop("permissions-policy")
    assert all(part.endswith("=()") for part in permissions.split(", "))
    assert headers == {
        "content-type": "text/html; charset=utf-8",
        "cache-control": "no-store",
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
    }


@pytest.mark.parametrize("state", STATES)
def test_the_style_is_the_one_that_the_policy_names(state: str) -> None:
    [style] = re.findall(r"<style>(.*?)</style>", STATES[state].body.decode(), re.DOTALL)
    assert style == STYLE


@pytest.mark.parametrize("state", STATES)
def test_a_page_asks_for_nothing_from_anywhere(state: str) -> None:
    page = Reader(STATES[state].body)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "link", "iframe", "base", "object"}
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        leads = {name: attributes[name] for name in FOREIGN & attributes.keys()}
        assert set(leads.values()) <= {"login", "consent", "authorize?prompt=login"}


@pytest.mark.parametrize("state", STATES)
def test_a_page_says_its_language_and_has_one_title_and_one_heading(state: str) -> None:
    page = Reader(STATES[state].body)
    assert page.named("html") == [{"lang": "en"}]
    assert [len(page.named(tag)) for tag in ("title", "h1", "main")] == [1, 1, 1]


def test_titles_tell_the_pages_apart() -> None:
    titles = {
        re.findall(r"<title>(.*?)</title>", STATES[state].body.decode())[0]
        for state in ("login", "login-refused", "consent", "error", "error-later", "signed-out")
    }
    assert len(titles) == 6


@pytest.mark.parametrize("number", range(4))
def test_whatever_a_page_shows_is_text(number: int) -> None:
    """No tag but those of the template, and every hostile letter is shown as it is."""
    page = Reader(list(hostile_pages())[number].body)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "img"}
    text = "".join(page.texts)
    assert HOSTILE in text
    assert "49" not in text


@given(st.text(max_size=300))
def test_the_hidden_field_brings_back_what_was_put_in(request: str) -> None:
    told = "".join(
        each for each in request if each not in "\r\0" and not "\ud800" <= each <= "\udfff"
    )
    assert Reader(PAGES.login(a_login(request=told)).body).fields()["request"] == told


def test_a_request_of_eight_kibibytes_fits() -> None:
    request = "r" * 8192
    for page in (PAGES.login(a_login(request=request)), PAGES.consent(a_consent(request=request))):
        assert Reader(page.body).fields()["request"] == request


def test_a_password_is_never_filled_in_and_an_address_is() -> None:
    page = Reader(STATES["login-refused"].body)
    assert page.fields()["email"] == EMAIL
    assert page.fields()["password"] == ""


@pytest.mark.parametrize("state", ["login", "login-refused", "login-throttled"])
def test_the_first_empty_field_has_the_focus(state: str) -> None:
    focused = [
        each["name"] for each in Reader(STATES[state].body).named("input") if "autofocus" in each
    ]
    assert focused == ["email" if state == "login" else "password"]


def test_a_browser_knows_the_fields() -> None:
    fields = {each["name"]: each for each in Reader(STATES["login"].body).named("input")}
    assert fields["email"]["autocomplete"] == "username"
    assert fields["password"]["autocomplete"] == "current-password"
    assert fields["password"]["type"] == "password"
    labels = {each["for"] for each in Reader(STATES["login"].body).named("label")}
    assert labels == {"email", "password"}


def test_a_problem_is_told_to_whoever_does_not_see_it() -> None:
    page = Reader(STATES["login-refused"].body)
    [alert] = [each for each in page.named("p") if each.get("role") == "alert"]
    described = [
        each for each in page.named("input") if each.get("aria-describedby") == alert["id"]
    ]
    assert [each["name"] for each in described] == ["email", "password"]


def test_forms_may_lead_to_the_application() -> None:
    sources = ("https://desk.acme.example", "com.acme.desk:", "https://desk.acme.example")
    for response in (
        PAGES.login(a_login(sources=sources)),
        PAGES.consent(a_consent(sources=sources)),
    ):
        policy = headers_of(response)["content-security-policy"]
        assert policy.endswith("; form-action 'self' https://desk.acme.example com.acme.desk:")


def test_a_page_without_consent_says_everything() -> None:
    text = "".join(Reader(STATES["consent-everything"].body).texts)
    assert "Everything that you may do at Northwind Trading" in text
    assert "Everything" not in "".join(Reader(STATES["consent"].body).texts)


def colours(dark: bool) -> dict[str, str]:
    light, after = STYLE.split("@media (prefers-color-scheme: dark)")
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    assert found
    return found | (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", after)) if dark else {})


def luminance(colour: str) -> float:
    """Of a colour #rrggbb, as WCAG defines it."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "ground", "least"), COLOURS)
def test_colours_can_be_told_apart(front: str, ground: str, least: float, dark: bool) -> None:
    named = colours(dark)
    low, high = sorted((luminance(named[front]), luminance(named[ground])))
    assert (high + 0.05) / (low + 0.05) >= least


def test_both_schemes_name_the_same_colours() -> None:
    after = STYLE.split("@media (prefers-color-scheme: dark)")[1]
    assert set(re.findall(r"--([a-z-]+): #", after)) == colours(False).keys()
