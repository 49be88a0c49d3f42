"""People who call the API: users made by it, with tokens that a client was given for them."""

from typing import Any

import httpx2 as httpx

from grantory.node import database_of
from grantory.protocol.access_tokens import AccessTokens
from grantory.protocol.grants.decision import Decision
from grantory.storage.hot_reads import RememberedReads
from tests.support.world import CLIENTS, Member, World

USERS = "/api/v2/users"
GOOD_PASSWORD = "quiet harbor seven kites"


class Person(Member):
    """A user, who calls the API with tokens that a client has for them."""

    def __init__(self, world: World, client_id: str, user_id: str, email: str) -> None:
        super().__init__(world, client_id, "")
        self.user_id = user_id
        self.email = email

    async def log_in(self) -> str:
        """Get a token; later calls use it."""
        self.token = await issue(self.world, self.client_id, self.user_id)
        return self.token

    async def me(self, *expand: str) -> Any:
        """The user as they see themselves."""
        return await self.get(f"{USERS}/me?expand={','.join(expand)}" if expand else f"{USERS}/me")


async def issue(world: World, client_id: str, user_id: str) -> str:
    """Issue a token to a client, for a user, as another process of the same store would."""
    store = await database_of(world.settings).open(world.clock, 1)
    try:
        reads = RememberedReads(store, store.feed, world.node.master_key)
        record, user = await reads.client(client_id), await reads.user(user_id)
        assert record is not None
        assert user is not None
        tokens = AccessTokens(reads, world.clock, world.node.random)
        decision = Decision(user=user, scopes=record.client.scopes)
        text, _ = await tokens.issue(record, decision)
        return text
    finally:
        await store.close()


async def make_user(member: Member, **fields: Any) -> dict[str, Any]:
    """Make a user through the API; answers it."""
    number = member.world.count()
    body = {"name": f"Ann {number}", "email": f"ann{number}@example.com", **fields}
    made: dict[str, Any] = await member.post(USERS, body)
    return made


async def make_code_client(member: Member, **fields: Any) -> str:
    """Make a client that acts for people; answers its id."""
    body = {"name": f"app {member.world.count()}", "authorizedGrantType": "CODE", **fields}
    return str((await member.post(CLIENTS, body))["id"])


async def make_person(member: Member, *permissions: str, **fields: Any) -> Person:
    """Make a user who holds just these permissions, and a client that calls for them."""
    user = await make_user(member, **fields)
    client_id = await make_code_client(member)
    if permissions:
        await give(member, user["id"], *permissions)
    return Person(member.world, client_id, user["id"], user["email"])


async def give(member: Member, user_id: str, *permissions: str) -> None:
    """Make a user hold these permissions in every division, in a role of its own."""
    role_id = await member.make_role(*permissions)
    path = f"/api/v2/authorization/subjects/{user_id}/divisions/*/roles/{role_id}"
    answer = await member.call("POST", path)
    assert answer.status_code == 204, answer.text


async def set_password(member: Member, user_id: str, password: str) -> httpx.Response:
    """Ask for a user's password to be set."""
    return await member.call("POST", f"{USERS}/{user_id}/password", {"newPassword": password})


async def digest_of(world: World, user_id: str) -> str | None:
    """What the store keeps of a user's password."""
    return await world.node.store.read(lambda snapshot: snapshot.users.password_digest(user_id))


async def knows(world: World, user_id: str, password: str) -> bool:
    """Whether a password is the user's."""
    return await world.node.passwords.verify(password, await digest_of(world, user_id))
