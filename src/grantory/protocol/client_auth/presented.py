"""What a client presents to prove who it is."""

import msgspec


class PresentedSecret(msgspec.Struct, frozen=True):
    """A client id and secret, as presented; not yet checked."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        return "PresentedSecret(****)"
