"""Users to grant roles to, and what a subject holds as its administrator sees it."""

from typing import Any

import httpx2 as httpx

from grantory.domain.access import Division
from grantory.domain.organization import User
from tests.support.world import Member, World

SUBJECTS = "/api/v2/authorization/subjects"


async def make_user(world: World, organization_id: str = "") -> str:
    """A user, put into the store itself. Returns the id."""
    user = User(
        id=world.node.random.uuid(),
        organization_id=organization_id or world.founding.organization.id,
        name="Ann",
        email=f"ann{world.count()}@example.com",
        created_at=world.clock.now_ms(),
    )
    await world.node.store.write(lambda transaction: transaction.users.add(user, None))
    return user.id


async def make_division(world: World, organization_id: str = "") -> str:
    """A division that is not the home division. Returns the id."""
    division = Division(
        id=world.node.random.uuid(),
        organization_id=organization_id or world.founding.organization.id,
        name=f"Division {world.count()}",
        created_at=world.clock.now_ms(),
    )
    await world.node.store.write(lambda transaction: transaction.access.add_division(division))
    return division.id


async def held(member: Member, subject_id: str) -> dict[tuple[str, str], str]:
    """What a subject holds: since when, by role and division."""
    subject = await member.get(f"{SUBJECTS}/{subject_id}")
    return {(g["role"]["id"], g["division"]["id"]): g["grantMadeAt"] for g in subject["grants"]}


def done(answer: httpx.Response) -> None:
    """The success of an operation that answers nothing."""
    assert (answer.status_code, answer.content) == (204, b""), answer.text


def refused(answer: httpx.Response, status: int, code: str, *fields: str) -> str:
    """A refusal that names these fields; returns its message."""
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert [detail["fieldName"] for detail in body["details"]] == list(fields)
    return str(body["message"])
