"""Attack cases 1 to 6 and 8: where a browser may be sent, and where it never is."""

from urllib.parse import quote, urlsplit

import pytest

from grantory.http.login.forms import Form, form_token
from tests.security.login.visits import nothing_failed, sent_back, stays_here
from tests.support.visitor import REDIRECT, App, Visitor, make_app, page_of, told
from tests.support.world import World

GOOD = "https://good.example/cb"
UNKNOWN = "11111111-2222-4333-8444-555555555555"
PREFIXES = [
    "https://good.example.evil.test/cb",
    "https://good.example.evil.test",
    "https://good.exampleevil.test/cb",
    "https://good.example-evil.test/cb",
    "https://good.example:443.evil.test/cb",
    "https://evil.test/good.example/cb",
    "https://evil.test?https://good.example/cb",
    "https://evil.test/#https://good.example/cb",
    "https://evil.test/https://good.example/cb",
    "https://evilgood.example/cb",
    "https://sub.good.example/cb",
    "https://good.example",
    "https://good.exampl/cb",
    "https://good.example/c",
    "https://good.example/cbx",
    "https://good.example/cb.evil.test",
    "//good.example/cb",
    "good.example/cb",
    "/cb",
    "https:good.example/cb",
    "https:/good.example/cb",
    "https:///good.example/cb",
    "http://good.example/cb",
    "javascript:alert(1)",
    "data:text/html,x",
]
CLIMBS = [
    "https://good.example/cb/../x",
    "https://good.example/cb/..",
    "https://good.example/x/../cb",
    "https://good.example/./cb",
    "https://good.example/cb/.",
    "https://good.example/cb/..%2fx",
    "https://good.example/cb%2f..",
    "https://good.example/cb%252f..",
    "https://good.example/cb/%2e%2e/x",
    "https://good.example/cb/..;/x",
    "https://good.example/cb;/../x",
    "https://good.example/cb;x",
    "https://good.example/%63b",
    "https://good.example/c%62",
    "https://good.example//cb",
]
MISREAD = [
    "https://good.example@evil.test/cb",
    "https://good.example:443@evil.test/cb",
    "https://good.example%40evil.test/cb",
    "https://good.example\\@evil.test/cb",
    "https://good.example\\.evil.test/cb",
    "https://evil.test\\good.example/cb",
    "https:\\\\good.example/cb",
    "https://user@good.example/cb",
    "https://good.example/cb\\..\\x",
    "https://good.example/cb\t",
    "https://good.example/cb\n",
    "\nhttps://good.example/cb",
    " https://good.example/cb",
    "https://good.example/cb ",
    "https://good.exa\tmple/cb",
    "https://good.example/cb\r\nLocation: https://evil.test",
    "https://good.example/cb\x00",
    "https://good.example/cb\x00.evil.test",
    "https://good.example\u3002evil.test/cb",
    "https://good.ex\u0430mple/cb",
    "https://\uff47ood.example/cb",
    "https://good.example\u2028/cb",
]
OTHERS = [
    "https://good.example/CB",
    "https://good.example/Cb",
    "HTTPS://good.example/cb",
    "https://GOOD.example/cb",
    "https://good.example/cb/",
    "https://good.example/cb?",
    "https://good.example/cb?x=1",
    "https://good.example/cb?code=x",
    "https://good.example/cb&x=1",
    "https://good.example:443/cb",
    "https://good.example:8443/cb",
    "https://good.example:/cb",
]
FRAGMENTS = [f"{GOOD}{end}" for end in ("#", "#x", "#code=x", "?#", "%23", "#/../x", "#@evil.test")]


async def app_at(world: World, *uris: str) -> App:
    return await make_app(world, registeredRedirectUri=[*uris])


async def all_stay_here(world: World, app: App, uris: list[str]) -> None:
    visitor = Visitor(world)
    for uri in uris:
        text = stays_here(await visitor.authorize(app, redirect_uri=uri))
        assert "evil.test" not in text, uri
    # As it stands, too, where that can be sent at all.
    for uri in (uri for uri in uris if uri.isascii() and uri.isprintable() and " " not in uri):
        raw = f"client_id={app.client_id}&response_type=code&redirect_uri={quote(uri, safe=':/@')}"
        stays_here(await visitor.http.get(f"/oauth/authorize?{raw}"))
    await nothing_failed(world)


async def test_case_01_a_host_that_only_begins_like_the_registered_one(world: World) -> None:
    app = await app_at(world, GOOD)
    await all_stay_here(world, app, PREFIXES)
    assert (await Visitor(world).authorize(app, redirect_uri=GOOD)).status_code == 200


async def test_case_01_no_form_leads_elsewhere_either(world: World) -> None:
    app, visitor = await app_at(world, GOOD), Visitor(world)
    login = await visitor.authorize(app, redirect_uri=GOOD)
    cookie = visitor.http.cookies["grantory-form"]
    query = page_of(login).fields["request"]
    for uri in PREFIXES[:6]:
        # Even in a form with a good token, which nobody else can make for this browser.
        foreign = query.replace(quote(GOOD, safe=""), quote(uri, safe=""))
        assert foreign != query
        token = form_token(Form.LOGIN, cookie, foreign)
        values = {"email": visitor.email, "password": visitor.password}
        stays_here(await visitor.submit(login, request=foreign, csrf=token, **values))
    consent = await visitor.log_in(login)
    session = visitor.http.cookies["grantory-session"]
    for uri in PREFIXES[:6]:
        foreign = query.replace(quote(GOOD, safe=""), quote(uri, safe=""))
        token = form_token(Form.CONSENT, session, foreign)
        for decision in ("allow", "deny"):
            answer = await visitor.submit(consent, request=foreign, csrf=token, decision=decision)
            stays_here(answer)
    assert await world.rows("SELECT client_id FROM authorizations") == []


async def test_case_02_a_path_that_climbs(world: World) -> None:
    await all_stay_here(world, await app_at(world, GOOD), CLIMBS)


async def test_case_03_what_one_reader_takes_for_another_host(world: World) -> None:
    await all_stay_here(world, await app_at(world, GOOD), MISREAD)


async def test_case_04_another_case_query_slash_or_port(world: World) -> None:
    await all_stay_here(world, await app_at(world, GOOD), OTHERS)
    await all_stay_here(world, await app_at(world, f"{GOOD}?a=1"), [GOOD, f"{GOOD}?a=1&b=2"])


async def test_case_04_the_port_of_a_loopback_address_alone_may_vary(world: World) -> None:
    app = await app_at(world, "http://127.0.0.1/cb", "http://[::1]:1234/cb?a=1")
    visitor = Visitor(world)
    for uri in (
        "http://127.0.0.1/cb",
        "http://127.0.0.1:1/cb",
        "http://127.0.0.1:65535/cb",
        "http://[::1]/cb?a=1",
        "http://[::1]:49152/cb?a=1",
    ):
        given = await visitor.arrive(app, redirect_uri=uri)
        assert "code" in given
        # The code is good for that port alone.
        elsewhere = "http://127.0.0.1:4711/cb"
        answer = await visitor.redeem(app, given["code"], redirect_uri=elsewhere)
        assert answer.json()["error"] == "invalid_grant"
    refused = [
        "http://127.0.0.1:0/cb",
        "http://127.0.0.1:00080/cb",
        "http://127.0.0.1:65536/cb",
        "http://127.0.0.1:99999/cb",
        "http://127.0.0.1:/cb",
        "http://127.0.0.1:80:80/cb",
        "http://127.0.0.1:80@evil.test/cb",
        "http://127.0.0.1:+80/cb",
        "http://127.0.0.1:\u0664/cb",
        "http://127.0.0.1.evil.test/cb",
        "http://127.0.0.1:8080.evil.test/cb",
        "http://127.0.0.2:8080/cb",
        "http://127.1:8080/cb",
        "http://localhost:8080/cb",
        "https://127.0.0.1:8080/cb",
        "http://127.0.0.1:8080/CB",
        "http://127.0.0.1:8080/cb/",
        "http://127.0.0.1:8080/cb?a=1",
        "http://[::1]:8080/cb",
        "http://[::1]:8080/cb?a=1&b",
        "http://[::1]:8080/cb?a=1#x",
        "http://[0:0::1]:8080/cb?a=1",
    ]
    await all_stay_here(world, app, refused)
    named = await app_at(world, "http://localhost:8080/cb", "https://good.example:8443/cb")
    others = ["http://localhost/cb", "http://localhost:8081/cb", "https://good.example/cb"]
    await all_stay_here(world, named, others)


async def test_case_05_a_dot_is_a_dot(world: World) -> None:
    app = await app_at(world, "https://a.b.example/c.d?e=.", "com.example.app:/cb")
    uris = [
        "https://axb.example/c.d?e=.",
        "https://a.bxexample/c.d?e=.",
        "https://a.b.example/cxd?e=.",
        "https://a.b.example/c.d?e=x",
        "https://a.b.example/cd?e=.",
        "comxexample.app:/cb",
        "com.exampleXapp:/cb",
        "com.example.app:/cbb",
        "com.example.app://cb",
        "COM.example.app:/cb",
    ]
    await all_stay_here(world, app, uris)


async def test_case_06_a_fragment_at_use(world: World) -> None:
    await all_stay_here(world, await app_at(world, GOOD), FRAGMENTS)
    public = await make_app(world, "TOKEN", registeredRedirectUri=[GOOD])
    visitor = Visitor(world)
    for uri in FRAGMENTS:
        answer = await visitor.authorize(public, redirect_uri=uri, response_type="token")
        stays_here(answer)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"response_type": "none"},
        {"response_type": "id_token"},
        {"response_type": None},
        {"scope": "nonsense"},
        {"client_id": None},
        {"client_id": UNKNOWN},
        {"client_id": "x" * 65},
        {"client_id": "\x00"},
        {"prompt": "none"},
        {"org": "x"},
        {"code_challenge": "x"},
        {"response_mode": "form_post"},
    ],
)
async def test_case_08_an_error_never_leads_to_a_foreign_address(
    world: World, wrong: dict[str, str | None]
) -> None:
    app, visitor = await app_at(world, GOOD, REDIRECT), Visitor(world)
    for uri in ("https://evil.test/cb", None):
        stays_here(await visitor.authorize(app, **{"redirect_uri": uri, **wrong}))
    await nothing_failed(world)


async def test_case_08_a_client_without_an_address_leads_nowhere(world: World) -> None:
    visitor = Visitor(world)
    without = await make_app(world, registeredRedirectUri=[])
    for uri in (REDIRECT, None, ""):
        stays_here(await visitor.authorize(without, redirect_uri=uri))
    role_id = await world.admin.make_role("routing:queue:view")
    machine = await world.admin.make_client(role_id)
    stays_here(await visitor.authorize(App(machine.client_id, machine.secret)))
    gone = await make_app(world)
    await world.admin.call("DELETE", f"/api/v2/oauth/clients/{gone.client_id}")
    stays_here(await visitor.authorize(gone))


async def test_case_08_what_the_client_is_told_goes_to_its_own_address(world: World) -> None:
    app, visitor = await app_at(world, GOOD), Visitor(world)
    for given, error in (
        ({"response_type": "none"}, "unsupported_response_type"),
        ({"response_type": "code token"}, "unsupported_response_type"),
        ({"response_type": "token"}, "unauthorized_client"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ):
        for uri in (GOOD, None):
            answer = await visitor.authorize(app, **{"redirect_uri": uri, **given})
            assert sent_back(answer, error)["state"] == "s 1"
            parts = urlsplit(answer.headers["location"])
            assert f"{parts.scheme}://{parts.netloc}{parts.path}" == GOOD
            assert answer.headers["referrer-policy"] == "no-referrer"


async def test_case_08_header_lines_in_a_value_stay_in_it(world: World) -> None:
    app, visitor = await app_at(world, f"{GOOD}?a=1"), Visitor(world)
    await visitor.arrive(app, redirect_uri=f"{GOOD}?a=1")
    for state in (
        "x\r\nSet-Cookie: a=b",
        "x\r\n\r\n<script>",
        "&code=evil&error=x",
        "#access_token=evil",
        "%0d%0a",
        "\u010d\u010a\u560d\u560a",
        "a+b c/d?e=f;g'h\"i",
        "x" * 4000,
    ):
        answer = await visitor.authorize(app, redirect_uri=f"{GOOD}?a=1", state=state)
        values = told(answer)
        assert {*values} == {"a", "code", "state", "iss"}
        assert values["state"] == state
        assert values["a"] == "1"
        assert values["code"].startswith("gac_")
        assert {*answer.headers} == {
            *("location", "cache-control", "referrer-policy", "inin-correlation-id"),
            "content-length",
        }
        assert answer.headers["location"].startswith(f"{GOOD}?a=1&code=")
        assert answer.headers["location"].isascii()
        assert answer.headers["location"].isprintable()
