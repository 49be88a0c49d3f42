"""What people do every day of a simulated month, on a clock in hand."""

from typing import Any

from grantory.protocol.logins import Logins
from tests.support.people import USERS, make_user
from tests.support.visitor import App, Visitor, make_app
from tests.support.world import World

ADDRESS = "192.0.2.7"


class People:
    """Some come for the first time; the next day some of them are deleted, the rest come again.

    Who comes for the first time consents and stays logged in. Who comes again logs out, since
    what a logout ends has to leave the store, too.

    Args:
        world: the server.
        new: how many come for the first time each day.
        deleted: how many of them are deleted on the next day.
    """

    def __init__(self, world: World, new: int, deleted: int) -> None:
        self._world = world
        self._logins = Logins(world.node.store, world.clock, world.node.random)
        self._new = new
        self._deleted = deleted
        self._of_yesterday: list[str] = []
        self._app: App | None = None

    async def day(self) -> None:
        """One day."""
        admin = self._world.admin
        app = self._app = self._app or await make_app(self._world)
        for user_id in self._of_yesterday[: self._deleted]:
            assert (await admin.call("DELETE", f"{USERS}/{user_id}")).status_code == 200
        for user_id in self._of_yesterday[self._deleted :]:
            again = await self._tokens(app, user_id)
            assert (await again.http.get("/logout")).status_code == 200
        self._of_yesterday = [str((await make_user(admin))["id"]) for _ in range(self._new)]
        visitors = [await self._tokens(app, user_id) for user_id in self._of_yesterday]
        await visitors[-1].arrive(app)  # a code that nobody redeems

    async def _tokens(self, app: App, user_id: str) -> Visitor:
        """A login, tokens, and new tokens; past the password, which takes long to compare."""
        user = await self._world.node.store.read(lambda snapshot: snapshot.users.get(user_id))
        assert user is not None
        cookie = await self._logins.begin(user, None, ADDRESS, self._world.node.random.uuid())
        visitor = Visitor(self._world, ADDRESS)
        visitor.http.cookies.set("grantory-session", cookie.reveal())
        tokens: dict[str, Any] = await visitor.tokens(app)
        for _ in range(2):
            answer = await visitor.refresh(app, tokens["refresh_token"])
            assert answer.status_code == 200, answer.text
            tokens = answer.json()
        return visitor
