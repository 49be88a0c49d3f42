"""Attack case 86 at the login side: what a caller says of the server's address changes nothing."""

from pathlib import Path

import pytest

from tests.security.test_addresses import EVIL, SPOOFS
from tests.support.visitor import REDIRECT, Visitor, make_app, told
from tests.support.world import new_world

OURS = "http://auth.example.com"
"""Without TLS, so that the visitor, who speaks none, keeps the cookies."""
OF_ADDRESSES = [spoof for spoof in SPOOFS if not {"Referer", "X-Forwarded-For"} & spoof.keys()]


@pytest.mark.parametrize("trusted", [False, True])
async def test_case_86_spoofed_addresses_change_no_redirect_and_no_issuer(
    tmp_path: Path, trusted: bool
) -> None:
    proxies = ("127.0.0.1",) if trusted else ()
    async with new_world(tmp_path / "data", trusted_proxies=proxies, public_url=OURS) as world:
        app = await make_app(world)
        for spoof in OF_ADDRESSES:
            visitor = Visitor(world)
            async with visitor.http:
                visitor.http.headers.update(spoof)
                page = await visitor.authorize(app)
                assert page.status_code in (200, 303)
                assert EVIL not in page.text + str(page.headers)
                given = await visitor.arrive(app)
                assert given["iss"] == OURS
                assert given["code"]
                refused = await visitor.authorize(app, scope="no-such-scope")
                assert refused.headers["location"].startswith(REDIRECT)
                assert told(refused)["iss"] == OURS
                assert EVIL not in refused.headers["location"]
                out = await visitor.http.get("/logout")
                assert EVIL not in out.text + str(out.headers)
