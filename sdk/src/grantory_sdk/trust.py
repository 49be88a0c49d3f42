"""Whom connections trust that are encrypted."""

import ssl
from urllib.parse import urlsplit


def trusted_by(*addresses: str) -> ssl.SSLContext | bool:
    """What the certificates of servers are verified with; they always are.

    The machine's authorities take longer to read than most calls take, and whoever calls by
    ``http`` alone needs none of them: there it is a context that trusts nobody, with which every
    encrypted connection would fail.

    Args:
        addresses: all that will be called.

    Returns:
        What ``httpx2`` takes as ``verify``: True for the machine's authorities.
    """
    if all(urlsplit(address).scheme == "http" for address in addresses):
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return True
