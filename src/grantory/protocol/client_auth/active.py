"""Whether a client that has proved who it is may ask for anything."""

from typing import Final

from grantory.domain.client import Client, ClientState
from grantory.errors import OAuthError, RefusalReason

_REASONS: Final = {
    ClientState.ACTIVE: RefusalReason.TO_BE_DELETED,
    ClientState.INACTIVE: RefusalReason.INACTIVE,
    ClientState.DISABLED: RefusalReason.DISABLED,
}


def require_active(client: Client) -> None:
    """Lets nobody but an active client go on.

    Raises:
        OAuthError: ``unauthorized_client`` for one that is not, or is to be deleted.
    """
    if client.may_gain_tokens:
        return
    active = client.state is ClientState.ACTIVE
    state = "scheduled for deletion" if active else client.state.value
    raise OAuthError("unauthorized_client", f"the client is {state}", reason=_REASONS[client.state])
