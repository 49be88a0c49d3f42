"""Which redirect URIs may be registered (RFC 6749 section 3.1.2, RFC 8252, RFC 9700 4.1)."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

MAX_LENGTH: Final = 2048
_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_UNSAFE = re.compile(r"[^!#-)+-;=?-\[\]_a-z~]")  # not by what is refused: slow to compile
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+", re.ASCII)
_HOST = re.compile(r"(?!-)[a-z0-9._-]{1,253}(?<!-)", re.ASCII | re.IGNORECASE)
_BRACKETED = re.compile(r"\[[0-9a-f:.]+\](:[0-9]*)?", re.ASCII | re.IGNORECASE)
_DOT_SEGMENT = re.compile(r"(^|/)(\.|%2e){1,2}(;[^/]*)?(/|$)", re.IGNORECASE)
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})|%25(2e|2f|5c)|%2f|%5c|%0[0-9a-f]", re.IGNORECASE)


class RedirectUriError(ValueError):
    """The URI may not be registered; the text says why."""


def check_redirect_uri(uri: str) -> None:
    """Checks a redirect URI that somebody wants to register.

    https is allowed anywhere, http on loopback only, and private-use schemes with a dot
    (RFC 8252 section 7.1). What a lenient parser could read as another host or path is refused
    here, so that comparing later can be plain equality.

    Args:
        uri: an absolute URI of at most 2048 characters.

    Raises:
        RedirectUriError: with the reason.
    """
    if not uri or len(uri) > MAX_LENGTH:
        raise RedirectUriError(f"must have 1 to {MAX_LENGTH} characters")
    if _UNSAFE.search(uri):
        raise RedirectUriError(
            "must hold printable ASCII only, without spaces, backslashes or wildcards"
        )
    if "#" in uri:
        raise RedirectUriError("must not have a fragment")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        raise RedirectUriError("is not a valid URI") from None
    if _BAD_ESCAPE.search(parts.path) or _DOT_SEGMENT.search(parts.path):
        raise RedirectUriError("must not have dot segments or escaped separators in its path")
    if parts.scheme in ("https", "http"):
        _check_web(parts.scheme, parts.netloc, parts.hostname, port)
    elif not _PRIVATE_SCHEME.fullmatch(parts.scheme):
        raise RedirectUriError(
            "must use https, http on loopback, or a private scheme with a dot in it"
        )
    elif not uri[len(parts.scheme) + 1 :]:
        raise RedirectUriError("must have a path after its scheme")


def _check_web(scheme: str, netloc: str, host: str | None, port: int | None) -> None:
    if "@" in netloc:
        raise RedirectUriError("must not hold user information")
    if not host:
        raise RedirectUriError("must have a host")
    if netloc.endswith(":") or port == 0:
        raise RedirectUriError("has an empty or zero port")
    if netloc.startswith("["):
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise RedirectUriError("has an invalid IPv6 address") from None
        if not _BRACKETED.fullmatch(netloc):  # older Pythons let a name follow the bracket
            raise RedirectUriError("has an invalid IPv6 address")
    elif not _HOST.fullmatch(host) or ".." in host or host.startswith("."):
        raise RedirectUriError("has an invalid host")
    if scheme == "http" and host not in _LOOPBACK_HOSTS:
        raise RedirectUriError("may use http only for 127.0.0.1, [::1] and localhost")


def origin_of(uri: str) -> str | None:
    """Tells the web origin of a registered redirect URI (RFC 6454).

    Returns:
        ``scheme://host[:port]`` in lower case without a default port, or None for a private
        scheme, which has no origin.
    """
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    default = 443 if parts.scheme == "https" else 80
    suffix = "" if parts.port in (None, default) else f":{parts.port}"
    return f"{parts.scheme}://{host}{suffix}"
