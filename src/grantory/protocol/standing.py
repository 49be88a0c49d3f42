"""Whether those by whose leave something was issued still stand as they did then."""

from grantory.domain.code import Epochs, StandingNow
from grantory.domain.organization import User
from grantory.ports.storage import Snapshot, Transaction


def user_as_then(
    store: Snapshot | Transaction,
    organization_id: str,
    client_id: str,
    user_id: str,
    then: Epochs,
) -> User | None:
    """Returns the user, if neither the user's tokens nor the client's were ended since.

    Args:
        store: where it is looked at; the memory of hot reads may be a moment old.
        organization_id: whose.
        client_id: who acts.
        user_id: for whom.
        then: the epochs with which it was issued.
    """
    organization = store.organizations.get(organization_id)
    client = store.clients.get(client_id)
    user = store.users.get(user_id)
    if organization is None or client is None or user is None:
        return None
    epochs = Epochs(organization.token_epoch, client.token_epoch, user.token_epoch)
    now = StandingNow(epochs, client.state, client.delete_at, user.state)
    return user if now.is_as_then(then) and user.organization_id == organization_id else None
