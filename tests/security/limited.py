"""A limited administrator: may call every operation on clients and roles, and holds little."""

from typing import Any

import httpx2 as httpx

from grantory.domain.access import Division
from tests.security.answers import refused
from tests.support.world import Member, World

MANAGES = (
    "oauth:client:view",
    "oauth:client:add",
    "oauth:client:edit",
    "oauth:client:delete",
    "authorization:role:view",
    "authorization:role:add",
    "authorization:role:edit",
    "authorization:role:delete",
    "authorization:grant:view",
)
"""What a limited administrator holds: every operation, but few rights of its own."""
QUEUES = "routing:queue:view"
SECRET_RIGHT = "billing:invoice:edit"
MACHINE = {"name": "a", "authorizedGrantType": "CLIENT-CREDENTIALS"}


class Scene:
    """A limited administrator, a role that it covers, and one that it does not."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.limited: Member
        self.covered = ""
        self.beyond = ""
        self.home = ""
        self.away = ""

    async def prepare(self) -> "Scene":
        admin = self.world.admin
        self.home = (await admin.get("/api/v2/authorization/divisions/home"))["id"]
        self.away = await further_division(self.world)
        self.limited = await admin.make_member(*MANAGES, QUEUES)
        self.covered = await admin.make_role(QUEUES)
        self.beyond = await admin.make_role(SECRET_RIGHT)
        return self

    async def rights_of(self, client_id: str) -> set[tuple[str, str]]:
        """The grants of a client: role and division."""
        subject = await self.world.admin.get(f"/api/v2/authorization/subjects/{client_id}")
        return {(grant["role"]["id"], grant["division"]["id"]) for grant in subject["grants"]}


async def further_division(world: World) -> str:
    """A second division; no operation makes one yet."""
    division = Division(
        id=world.node.random.uuid(),
        organization_id=world.founding.organization.id,
        name=f"Division {world.count()}",
        created_at=world.clock.now_ms(),
    )
    await world.node.store.write(lambda transaction: transaction.access.add_division(division))
    return division.id


async def scene(world: World) -> Scene:
    return await Scene(world).prepare()


def beyond_rights(answer: httpx.Response) -> None:
    """The refusal names the rights that are lacking."""
    error = refused(answer, 403, "missing.permissions")
    assert error["messageParams"]["permissions"] in error["message"]


def holding(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {**MACHINE, "roleDivisions": [{"roleId": r, "divisionId": d} for r, d in pairs]}
