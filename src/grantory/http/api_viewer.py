"""``/docs``: Swagger UI on ``/openapi.json``, from files that lie beside this one."""

import gzip
from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib.resources import files
from typing import Final

from grantory.http.request import Request
from grantory.http.response import Response

Route = tuple[str, str, Callable[[Request], Awaitable[Response]]]
DOCS: Final = "/docs"
_SCRIPT: Final = "text/javascript; charset=utf-8"
_VENDORED: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": _SCRIPT,
}
_START: Final = b"""SwaggerUIBundle({
  url: "openapi.json", dom_id: "#viewer", deepLinking: true, validatorUrl: null,
  persistAuthorization: false, defaultModelsExpandDepth: 0,
});
"""
_PAGE: Final = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Grantory: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<div id="viewer"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    b"form-action 'none'"
)
"""The viewer writes styles into its elements; tokens typed into it go to this server only."""
_AN_HOUR: Final = b"public, max-age=3600"


def viewer_routes(document: Callable[[], bytes]) -> tuple[Route, ...]:
    """Lists the addresses of the document and of its viewer.

    Args:
        document: makes the document, when it is asked for.
    """
    return (
        _route("/openapi.json", cache(document), "application/json"),
        _route(DOCS, lambda: _PAGE, "text/html; charset=utf-8"),
        _route(f"{DOCS}/start.js", lambda: _START, _SCRIPT),
        *(
            _route(f"{DOCS}/{name}", partial(_vendored, name), kind)
            for name, kind in _VENDORED.items()
        ),
    )


@cache
def _vendored(name: str) -> bytes:
    return files("grantory.http.viewer").joinpath(name).read_bytes()


def _route(path: str, body: Callable[[], bytes], kind: str) -> Route:
    headers = (
        (b"content-type", kind.encode()),
        (b"cache-control", _AN_HOUR),
        (b"content-security-policy", _POLICY),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
        (b"vary", b"accept-encoding"),
    )

    @cache
    def small() -> bytes:
        return gzip.compress(body(), mtime=0)

    async def answer(request: Request) -> Response:
        accepted = (request.header(b"accept-encoding") or "").lower()
        if "gzip" in accepted and "gzip;q=0" not in accepted.replace(" ", ""):
            return Response(200, small(), (*headers, (b"content-encoding", b"gzip")))
        return Response(200, body(), headers)

    return ("GET", path, answer)
