"""Where the forms of a page may lead, as its Content-Security-Policy says it.

Browsers compare the redirect that follows a form with ``form-action``, too, so that a page must
name the application to which its answer goes (CSP Level 3, section 6.3.1).
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from grantory.domain.redirect_uri import check_redirect_uri, origin_of

_SCHEME: Final = r"[a-z][a-z0-9+.-]*"
_LABELS: Final = r"[a-z0-9-]+(?:\.[a-z0-9-]+)*"
_SOURCE: Final = re.compile(rf"{_SCHEME}:|https?://{_LABELS}(?::[1-9][0-9]{{0,4}})?", re.ASCII)
_HOST: Final = re.compile(_LABELS, re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def source_of(redirect_uri: str) -> str:
    """Tells the source expression that lets a form's answer go to a redirect URI.

    Args:
        redirect_uri: one that may be registered.

    Returns:
        The origin of a web address; ``scheme:`` for a private-use scheme, and for a host that the
        grammar of sources has no form for: an IPv6 address, a name with an underscore or a dot at
        its end, an IPv4 address in another form than the usual (CSP Level 3, section 2.3.1).

    Raises:
        RedirectUriError: when the URI may not be registered.
    """
    check_redirect_uri(redirect_uri)
    parts = urlsplit(redirect_uri)
    origin = origin_of(redirect_uri)
    if origin is None or not _has_form(parts.hostname or ""):
        return f"{parts.scheme}:"
    return origin


def form_action(sources: Iterable[str]) -> str:
    """Writes the directive that allows forms to lead to this server, and to some sources.

    Args:
        sources: as ``source_of`` tells them.

    Raises:
        ValueError: when one is no source expression.
    """
    named = tuple(dict.fromkeys(sources))
    for source in named:
        if not _SOURCE.fullmatch(source):
            raise ValueError("form-action takes source expressions only")
    return " ".join(("form-action 'self'", *named))


def _has_form(host: str) -> bool:
    if not _HOST.fullmatch(host):
        return False
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return True
    try:  # a browser takes it for an IPv4 address, and compares it as it writes one
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False
