"""Why a work is measured of Grantory and not of a peer."""

from typing import Final

WORKS: Final = (
    *("token", "JWT token", "introspection", "read one", "list of 10"),
    *("create", "refresh", "code exchange"),
)
GLEWLWYD: Final = "glewlwyd, SQLite"
_PEOPLE: Final = "needs a person who has logged in at its pages, which is not set up"
_NO_LIST: Final = "it has no such list"
_ADMINISTRATOR: Final = "only for whoever has the session cookie of an administrator"
_NOT_DURABLE: Final = "in memory: nothing of it is durable"
_OPAQUE: Final = "its tokens are opaque as it comes"
_SEE_PLAIN: Final = "the same as with a plain secret"
_REASONS: Final = {
    ("oidc-provider, memory", "JWT token"): "see oidc-provider, ES256",
    ("oidc-provider, memory", "read one"): "see oidc-provider, SQLite",
    ("oidc-provider, SQLite", "JWT token"): "they leave nothing in a store: see ES256",
    ("oidc-provider, ES256", "token"): "see oidc-provider, memory",
    ("oidc-provider, ES256", "introspection"): "it does not introspect its JWTs",
    ("oidc-provider, ES256", "read one"): "see oidc-provider, SQLite",
    ("oidc-provider", "create"): _NOT_DURABLE,
    ("oidc-provider", "list of 10"): _NO_LIST,
    ("django-oauth-toolkit, plain", "create"): "it hashes a secret that it makes: see hashed",
    ("django-oauth-toolkit, hashed", "introspection"): _SEE_PLAIN,
    ("django-oauth-toolkit, hashed", "read one"): _SEE_PLAIN,
    ("django-oauth-toolkit", "JWT token"): _OPAQUE,
    ("django-oauth-toolkit", "list of 10"): "only in pages for a person",
    ("Authlib", "JWT token"): _OPAQUE,
    ("Authlib", "list of 10"): _NO_LIST,
    ("glewlwyd", "JWT token"): "all of its tokens are JWTs: see its token",
    ("glewlwyd", "read one"): _ADMINISTRATOR,
    ("glewlwyd", "list of 10"): _ADMINISTRATOR,
    ("glewlwyd", "create"): _ADMINISTRATOR,
    ("", "refresh"): _PEOPLE,
    ("", "code exchange"): _PEOPLE,
}
"""By whom, as it is set up, as whatever it is, or anybody; and by work."""


def reason(peer: str, work: str) -> str:
    """Tells why a work of a peer is not measured.

    Args:
        peer: its name and how it is set up, parted by a comma.
        work: which.

    Raises:
        LookupError: when nobody has said so.
    """
    for name in (peer, peer.partition(",")[0], ""):
        if (name, work) in _REASONS:
            return _REASONS[name, work]
    raise LookupError(f"nobody has said why the {work} of {peer} is not measured")
