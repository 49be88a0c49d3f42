"""The client that sends a token request."""

import msgspec

from grantory.domain.client import ClientRecord


class Caller(msgspec.Struct, frozen=True):
    """A client, and whether it has proved to be that."""

    record: ClientRecord
    is_authenticated: bool
    """A client that only names itself may redeem nothing but a code that has a challenge."""
