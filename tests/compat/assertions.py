"""Identity providers of a running server, and assertions of theirs that are good now."""

import time
from typing import Any
from uuid import uuid4

from tests.support.saml import encoded, signed_assertion, signer
from tests.support.server import RunningServer


def register_provider(server: RunningServer, **fields: Any) -> str:
    """Let the server's organisation trust a new provider; returns its issuer."""
    issuer = f"https://{uuid4()}.example.com"
    body = {"name": issuer, "issuerURI": issuer, "certificates": [signer().certificate]}
    reply = server.call("POST", "/api/v2/identityproviders", {**body, **fields})
    assert reply.status == 200, reply.body
    return issuer


def fresh(server: RunningServer, issuer: str, **said: Any) -> dict[str, Any]:
    """What an assertion for the administrator says that is good for five minutes from now."""
    now, here = time.time_ns() // 1_000_000, f"{server.url}/oauth/token"
    good = {
        "id": f"_{uuid4()}",
        "issuer": issuer,
        "email": server.first_start["admin"]["email"],
        "issued": now,
        "not_before": now,
        "ends": now + 300_000,
        "confirmation_ends": now + 300_000,
        "audiences": (here,),
        "recipient": here,
    }
    return {**good, **said}


def assertion(server: RunningServer, issuer: str, **said: Any) -> str:
    """A signed assertion as a parameter."""
    return encoded(signed_assertion(**fresh(server, issuer, **said)))
