"""What is known of a request that was answered: to be logged, counted and traced."""

import msgspec


class RequestLine(
    msgspec.Struct, omit_defaults=True, kw_only=True, tag_field="event", tag="request"
):
    """One line of the log, in its order; nothing here could hold a credential.

    The route's template stands here, never the address itself: a path or query could hold a
    secret that somebody put there by mistake.
    """

    time: str = ""
    method: str
    route: str
    status: int
    ms: float = 0.0
    """Milliseconds."""
    error: str = ""
    detail: str = ""
    client: str = ""
    organization: str = ""
    address: str = ""
    correlation_id: str = ""
