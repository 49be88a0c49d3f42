"""The client that sends a token request."""

import msgspec

from grantory.domain.audit import Origin
from grantory.domain.client import ClientRecord, Reference, SubjectKind
from grantory.protocol.token_request import TokenRequest


class Caller(msgspec.Struct, frozen=True):
    """A client, and whether it has proved to be that."""

    record: ClientRecord
    is_authenticated: bool
    """A client that only names itself may redeem nothing but a code that has a challenge, and
    end access tokens that were issued to it."""

    def origin(self, request: TokenRequest) -> Origin:
        """Tells where a change came from that this client's request has made."""
        client_id = self.record.client.id
        return Origin(
            actor=Reference(SubjectKind.CLIENT, client_id),
            client_id=client_id,
            correlation_id=request.correlation_id,
            address=request.address,
        )
