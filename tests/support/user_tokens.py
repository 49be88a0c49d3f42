"""Tokens of users, as a grant that lets somebody log in would issue them."""

from grantory.domain.access import EVERY_DIVISION, Assignment
from grantory.domain.client import SubjectKind
from grantory.protocol.grants.decision import Decision
from tests.support.subjects import make_user
from tests.support.world import World


async def user_token(world: World, *scopes: str, user_id: str = "", client_id: str = "") -> str:
    """The token of a user, by default a new one without rights, limited to scopes.

    It is the first client's, or another one's.
    """
    # The server's own: a store tells of its changes to one memory alone.
    reads, tokens = world.application._reads, world.application._tokens
    user_id = user_id or await make_user(world)
    await reads.refresh()
    record = await reads.client(client_id or world.admin.client_id)
    user = await reads.user(user_id)
    assert record is not None
    assert user is not None
    text, _ = await tokens.issue(record, Decision(user=user, scopes=scopes))
    return text


async def make_administrator(world: World) -> str:
    """A user who holds every permission in every division. Returns the id."""
    organization_id = world.founding.organization.id
    user_id = await make_user(world)
    role = await world.node.store.read(
        lambda snapshot: snapshot.access.role_by_name(organization_id, "Administrator")
    )
    assert role is not None
    everything = [Assignment(role.id, EVERY_DIVISION)]
    await world.node.store.write(
        lambda transaction: transaction.access.set_grants(
            organization_id, user_id, SubjectKind.USER, everything, world.clock.now_ms()
        )
    )
    return user_id
