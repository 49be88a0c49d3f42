"""The page that a person sees at the server's address."""

import base64
import hashlib
import html
from typing import Final

from grantory.http.response import NO_STORE, Response

_STYLE: Final = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; line-height: 1.5 }
main { max-width: 42rem; margin: 4rem auto; padding: 0 1.5rem }
h1 { font-size: 2rem; margin-bottom: .25rem }
code, pre { font-family: ui-monospace, monospace; font-size: .9rem }
pre { padding: 1rem; overflow-x: auto; border: 1px solid #8886; border-radius: .5rem }
table { border-collapse: collapse } td { padding: .25rem 1.5rem .25rem 0 }
"""
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Grantory</title>
<style>{style}</style>
<main>
<h1>Grantory is running</h1>
<p>An OAuth 2.0 authorization server and registry of OAuth clients. Version {version}.</p>
<h2>Get a token</h2>
<pre>curl -u "$CLIENT_ID:$CLIENT_SECRET" \\
  -d grant_type=client_credentials \\
  {address}/oauth/token</pre>
<h2>List the clients</h2>
<pre>curl -H "Authorization: Bearer $TOKEN" \\
  {address}/api/v2/oauth/clients</pre>
<p>The first client's id and secret were printed when the server was first started.
Where standard output was no terminal, they are in <code>first-start.json</code> in the data
directory.</p>
<p>Every operation is described in <a href="docs">the API's pages</a>
(<a href="openapi.json"><code>/openapi.json</code></a>).</p>
<h2>Is it well?</h2>
<table>
<tr><td><a href="/health/live"><code>/health/live</code></a></td><td>the process answers</td></tr>
<tr><td><a href="/health/ready"><code>/health/ready</code></a></td>
<td>the store answers too</td></tr>
</table>
</main>
</html>
"""


def landing_page(version: str, address: str) -> Response:
    """Makes the page.

    Args:
        version: of the server.
        address: the server's public address, which the settings give, never the Host header.
    """
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
    headers = (
        (b"content-type", b"text/html; charset=utf-8"),
        NO_STORE,
        (b"content-security-policy", policy.encode()),
        (b"referrer-policy", b"no-referrer"),
        (b"x-content-type-options", b"nosniff"),
    )
    page = _PAGE.format(style=_STYLE, version=version, address=html.escape(address))
    return Response(200, page.encode(), headers)
