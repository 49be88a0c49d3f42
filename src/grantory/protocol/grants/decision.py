"""What a grant decides."""

import msgspec


class Decision(msgspec.Struct, frozen=True):
    """The contents of the token that a grant allows."""

    scopes: tuple[str, ...] = ()
