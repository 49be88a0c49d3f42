"""Attack cases 66 to 68: what people and their clients hold is nowhere but in their hands."""

import base64
import re
from collections.abc import Callable
from typing import Any

import httpx2 as httpx

from grantory.domain.code import Epochs, TokenFamily
from grantory.domain.opaque import OpaqueKind, compose_opaque
from grantory.domain.secret import SECRET_ENTROPY_BYTES
from grantory.protocol.refresh_tokens import RefreshTokens
from tests.security.answers import log_of
from tests.security.login.test_restarts import RemoteVisitor, registered
from tests.security.login.visits import EVERYTHING
from tests.security.test_credentials_at_rest import spellings
from tests.security.test_tokens import SAMPLES, assert_no_pattern, reads_of
from tests.support.fixtures import FreshServer
from tests.support.visitor import PKCE, REDIRECT, VERIFIER, App, Visitor, make_app, page_of, told
from tests.support.world import World

TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
}
WRONG = "a wrong password that was typed"


class Holder:
    """Does all that there is to do with codes, tokens and sessions, and keeps what it is given."""

    def __init__(self, visitor: Visitor, app: App, token_app: App) -> None:
        self._visitor = visitor
        self._app = app
        self._token_app = token_app
        self.held = {visitor.password, app.secret, token_app.secret, VERIFIER, WRONG}
        self.answers: list[httpx.Response] = []

    def _keep(self, answer: httpx.Response) -> httpx.Response:
        self.answers.append(answer)
        self.held |= set(self._visitor.http.cookies.values())
        if answer.headers.get("content-type", "").startswith("text/html"):
            self.held |= {page_of(answer).fields.get("csrf", "")}
        elif "application/json" in answer.headers.get("content-type", ""):
            body = answer.json()
            self.held |= {body[name] for name in ("access_token", "refresh_token") if name in body}
        elif "://" in answer.headers.get("location", ""):
            given = told(answer)
            self.held |= {given[name] for name in ("code", "access_token") if name in given}
        self.held.discard("")
        return answer

    async def do_everything(self) -> None:
        visitor, app = self._visitor, self._app
        login = self._keep(await visitor.authorize(app, **PKCE))
        self._keep(await visitor.submit(login, email=visitor.email, password=WRONG))
        self._keep(await visitor.submit(login, email=WRONG, password=visitor.password))
        consent = self._keep(await visitor.log_in(login))
        self._keep(await visitor.submit(consent, decision="deny"))
        code = told(self._keep(await visitor.submit(consent, decision="allow")))["code"]
        public = self._keep(await visitor.redeem_public(app, code))
        self._keep(await visitor.redeem_public(app, code))
        await visitor.use(public.json()["access_token"])
        code = told(self._keep(await visitor.authorize(app)))["code"]
        first = self._keep(await visitor.redeem(app, code)).json()["refresh_token"]
        second = self._keep(await visitor.refresh(app, first)).json()["refresh_token"]
        third = self._keep(await visitor.refresh(app, second)).json()["refresh_token"]
        self._keep(await visitor.refresh(app, first))
        self._keep(await visitor.refresh(app, third))
        token_app = self._token_app
        page = self._keep(await visitor.authorize(token_app, response_type="token"))
        self._keep(await visitor.submit(page, decision="allow"))
        self._keep(await visitor.authorize(app, prompt="login"))
        again = await visitor.authorize(app, prompt="login")
        self._keep(await visitor.log_in(self._keep(again)))
        unused = told(self._keep(await visitor.authorize(app)))["code"]
        for misplaced in sorted(self.held):
            self._keep(await visitor.redeem(app, misplaced))
            self._keep(await visitor.refresh(app, misplaced))
            form = {"state": misplaced, "client_id": misplaced, "redirect_uri": misplaced}
            self._keep(await visitor.http.get("/oauth/authorize", params=form))
            self._keep(await visitor.http.get("/logout", params={"x": misplaced, **form}))
            self._keep(await visitor.http.post("/oauth/token", params=form, data=form))
            self._keep(await visitor.http.post("/oauth/login", data={"csrf": misplaced, **form}))
        assert unused in self.held
        self._keep(await visitor.log_in(self._keep(await visitor.authorize(app))))


def all_spellings(credential: str) -> set[bytes]:
    found = spellings(credential)
    if credential.startswith("grt_"):
        raw = base64.urlsafe_b64decode(credential[4:] + "=" * (-len(credential[4:]) % 4))
        found |= {raw, raw[-32:], raw[-32:].hex().encode()}
    return found


def found_in(data: bytes, held: set[str]) -> set[str]:
    return {credential for credential in held if any(s in data for s in all_spellings(credential))}


async def rows_of(world: World, table: str) -> bytes:
    values: list[Any] = [
        value for row in await world.rows(f"SELECT * FROM {table}") for value in row
    ]
    return b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in values)


async def test_case_67_the_store_holds_nothing_of_the_login_side(world: World) -> None:
    app, token_app = await make_app(world, scope=["users"]), await make_app(world, "TOKEN")
    holder = Holder(Visitor(world), app, token_app)
    await holder.do_everything()
    kinds = {credential[:4] for credential in holder.held}
    assert set(EVERYTHING) <= kinds
    kind = "postgresql" if world.settings.database_url else "sqlite"
    tables = [row[0] for row in await world.rows(TABLES[kind])]
    filled = {table for table in tables if await rows_of(world, table)}
    assert {"authorization_codes", "token_families", "login_sessions", "authorizations"} <= filled
    for table in filled:
        data = await rows_of(world, table)
        assert not found_in(data, holder.held), table
        assert not any(mark.encode() in data for mark in EVERYTHING), table
    for path in world.settings.data_dir.iterdir():
        assert not found_in(path.read_bytes(), holder.held), path.name


async def test_case_67_what_the_store_holds_opens_nothing(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    await visitor.tokens(app)
    await visitor.arrive(app)
    digests = [
        bytes(row[0])
        for table in ("authorization_codes", "login_sessions")
        for row in await world.rows(f"SELECT digest FROM {table}")
    ]
    assert len(digests) == 3
    forms: list[Callable[[bytes], str]] = [
        bytes.hex,
        lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="),
        lambda digest: "gac_" + base64.urlsafe_b64encode(digest).decode().rstrip("="),
        lambda digest: compose_opaque(OpaqueKind.CODE, digest).reveal(),
    ]
    for digest in digests:
        for form in forms:
            assert (await visitor.redeem(app, form(digest))).status_code == 400
            stranger = Visitor(world)
            cookie = form(digest).replace("gac_", "gls_")
            stranger.http.headers["cookie"] = f"grantory-session={cookie}"
            assert page_of(await stranger.authorize(app)).action == "login"


async def test_case_68_neither_log_nor_audit_holds_anything_of_the_login_side(
    world: World,
) -> None:
    app, token_app = await make_app(world, scope=["users"]), await make_app(world, "TOKEN")
    holder = Holder(Visitor(world), app, token_app)
    await holder.do_everything()
    log = await log_of(world)
    for route in ("/oauth/authorize", "/oauth/login", "/oauth/consent", "/oauth/token", "/logout"):
        assert f'"{route}"' in log
    assert not found_in(log.encode(), holder.held)
    assert not any(mark in log for mark in EVERYTHING)
    for table in ("audit_events", "refusals"):
        assert not found_in(await rows_of(world, table), holder.held)
    actions = {row[0] for row in await world.rows("SELECT action FROM audit_events")}
    assert {"Authorize", "Logout", "Revoke"} <= actions
    # What was sent wrongly is not sent back, either.
    for answer in holder.answers:
        if answer.status_code >= 400:
            shown = re.sub(r'(?:name="(?:request|csrf)"|id="email") [^>]*', "", answer.text)
            assert not any(mark in shown for mark in EVERYTHING), shown
            assert WRONG not in shown
            assert "location" not in answer.headers
        assert answer.status_code < 500


async def test_case_68_a_real_servers_log_and_metrics_hold_nothing(
    fresh_server: FreshServer,
) -> None:
    server = fresh_server()
    visitor = RemoteVisitor(server)
    body = {"name": "a", "authorizedGrantType": "TOKEN", "registeredRedirectUri": [REDIRECT]}
    created = server.call("POST", "/api/v2/oauth/clients", body).json()
    holder = Holder(visitor, registered(server), App(created["id"], created["secret"]))
    await holder.do_everything()
    metrics = server.request("GET", "/metrics").body
    await visitor.http.aclose()
    server.kill()
    log = server.log_text()
    assert '"/oauth/consent"' in log
    files = {path.name: path.read_bytes() for path in server.data_dir.iterdir()}
    first = files.pop("first-start.json")
    assert found_in(first, {visitor.password}) == {visitor.password}
    for name, data in {"log": log.encode(), "metrics": metrics, **files}.items():
        assert not found_in(data, holder.held), name
        assert name.endswith(".key") or not any(m.encode() in data for m in EVERYTHING), name


async def test_case_66_codes_sessions_and_refresh_tokens_have_no_pattern(world: World) -> None:
    random = world.node.random
    for kind in OpaqueKind:
        texts = [
            compose_opaque(kind, random.token_bytes(SECRET_ENTROPY_BYTES)).reveal()
            for _ in range(SAMPLES)
        ]
        assert {len(text) for text in texts} == {47}
        assert {text[:4] for text in texts} == {kind.value}
        # The first of 43 digits holds what is left of 256 bits.
        assert_no_pattern([text[5:].encode() for text in texts], 5.954)
    reads = reads_of(world)
    await reads.refresh()
    refresh_tokens = RefreshTokens(reads)
    organization_id = world.founding.organization.id
    macs = []
    for _ in range(SAMPLES):
        family = _family(random.uuid(), organization_id)
        text = (await refresh_tokens.write(family, None)).reveal()
        macs.append(base64.urlsafe_b64decode(text[4:] + "=" * (-len(text[4:]) % 4))[-32:])
    assert_no_pattern(macs)


async def test_case_66_what_is_given_out_has_no_repeats(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    codes = [(await visitor.arrive(app))["code"] for _ in range(30)]
    answers = [(await visitor.redeem(app, code)).json() for code in codes]
    for given in (
        codes,
        [answer["access_token"] for answer in answers],
        [answer["refresh_token"] for answer in answers],
    ):
        assert len(set(given)) == len(given)
    pages = [await Visitor(world).authorize(app) for _ in range(10)]
    assert len({page_of(page).fields["csrf"] for page in pages}) == 10
    assert len({page.headers["set-cookie"] for page in pages}) == 10


def _family(family_id: str, organization_id: str) -> TokenFamily:
    return TokenFamily(
        id=family_id,
        organization_id=organization_id,
        client_id=family_id,
        user_id=family_id,
        session_id=None,
        scopes=(),
        epochs=Epochs(1, 1, 1),
        created_at=0,
        expires_at=0,
        generation=1,
    )
