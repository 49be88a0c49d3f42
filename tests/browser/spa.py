"""An application in the browser alone, on the official JavaScript SDK as its makers build it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from playwright.async_api import Page

from grantory.http.response import Response
from tests.browser.site import Answer, Site, plain
from tests.compat.sdk import NODE_MODULES, SdkBrokenError

SDK = NODE_MODULES / "purecloud-platform-client-v2/dist/web-cjs/purecloud-platform-client-v2.min.js"
_SCRIPT = Path(__file__).with_name("spa.js")
_PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>An application</title>
<output id="outcome"></output>
<button id="start">Start</button>
<button id="logout">Log out</button>
<script src="/sdk.js"></script>
<script src="/config.js"></script>
<script src="/spa.js"></script>
</html>
"""
_WINDOW = b"""<!doctype html>
<meta charset="utf-8">
<title>Back</title>
<script>
const { hash, search, origin } = location;
opener.postMessage({ name: "gc_auth_popup", type: "message", hash, search }, origin);
</script>
"""
GRANTS = ("implicit", "pkce")


class Outcome(NamedTuple):
    """What the application shows in the end: ``done`` or ``failed``, and what it found."""

    name: str
    found: dict[str, Any]


class Application(Site):
    """Serves the application until the end of the block.

    ``/implicit`` and ``/pkce`` log in as soon as they are opened, and are their own redirect URIs.
    ``/implicit-window`` and ``/pkce-window`` do so in a window of its own, when Start is pressed,
    with ``/window`` as the redirect URI. Log out leads to ``/bye``.

    Args:
        port: of the server.
        client_id: of the client that is registered for this application.
        login_path: what is put before the login paths, as the SDK's gateway setting does.
        api_path: the same for the API.
        options: of the login, such as ``state`` or ``prompt``.
    """

    def __init__(
        self,
        port: int,
        client_id: str,
        *,
        login_path: str = "",
        api_path: str = "",
        options: Mapping[str, str] | None = None,
    ) -> None:
        if not SDK.exists():
            raise SdkBrokenError(f"{SDK} is missing: run `make compat-setup`")
        config = {
            "gateway": {
                "host": "127.0.0.1",
                "protocol": "http",
                "port": port,
                "path_params_login": login_path,
                "path_params_api": api_path,
            },
            "clientId": client_id,
            "options": dict(options or {}),
        }
        answers: dict[str, Answer] = {
            "GET /sdk.js": _script(SDK.read_bytes()),
            "GET /config.js": _script(f"const CONFIG = {json.dumps(config)};".encode()),
            "GET /spa.js": _script(_SCRIPT.read_bytes()),
            "GET /window": _page(_WINDOW),
            "GET /bye": plain("bye"),
        }
        for grant in GRANTS:
            answers |= {f"GET /{grant}": _page(_PAGE), f"GET /{grant}-window": _page(_PAGE)}
        super().__init__(answers)

    @property
    def redirect_uris(self) -> list[str]:
        """All that its client must have registered."""
        return [f"{self.url}/{name}" for name in (*GRANTS, "window", "bye")]


async def outcome(page: Page) -> Outcome:
    """Wait until the application shows what came of its login."""
    shown = page.locator("#outcome.done, #outcome.failed")
    text = await shown.text_content()
    name = await shown.get_attribute("class")
    return Outcome(name or "", json.loads(text or ""))


def _page(body: bytes) -> Response:
    return Response(200, body, ((b"content-type", b"text/html; charset=utf-8"),))


def _script(body: bytes) -> Response:
    return Response(200, body, ((b"content-type", b"text/javascript; charset=utf-8"),))
