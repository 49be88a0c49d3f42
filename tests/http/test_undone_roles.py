"""Roles and divisions that a dry run has made are nowhere afterwards."""

from tests.support.change_lists import client, division, machine, role, send
from tests.support.world import CLIENTS, Member, World


async def test_what_a_dry_run_made_cannot_be_given_away(world: World) -> None:
    listed = [
        role("r", "oauth:client:view", key="r"),
        division("North", key="d"),
        client("c", ("#r", "#d")),
    ]
    await world.admin.log_in()
    tried = await send(world.admin, *listed, query="?dryRun=true")
    assert tried.status_code == 200, tried.text
    role_id, division_id = (each["id"] for each in tried.json()["changes"][:2])
    answer = await world.admin.call("GET", f"/api/v2/authorization/roles/{role_id}")
    assert answer.status_code == 404
    made = await world.admin.call("POST", CLIENTS, machine("x", (role_id, division_id)))
    assert made.status_code == 400, made.text


async def test_a_grant_of_what_is_not_there_gives_no_right(world: World) -> None:
    await world.admin.log_in()
    granting = await world.admin.make_role("oauth:client:add", "oauth:client:view")
    wide = await world.admin.make_role("routing:queue:view")
    listed = [role("r", "routing:queue:view", key="r"), client("c", ("#r", "*"))]
    tried = await send(world.admin, *listed, query="?dryRun=true")
    phantom = tried.json()["changes"][0]["id"]
    made = await world.admin.call("POST", CLIENTS, machine("x", (phantom, "*"), (granting, "*")))
    assert made.status_code == 400, made.text
    made = await world.admin.call("POST", CLIENTS, machine("x", (granting, "*")))
    author = Member(world, made.json()["id"], made.json()["secret"])
    await author.log_in()
    answer = await author.call("POST", CLIENTS, machine("y", (wide, "*")))
    assert answer.status_code == 403
