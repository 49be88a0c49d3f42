"""A permission that is taken while a change waits for its turn no longer carries it."""

import asyncio
import threading
from pathlib import Path

from grantory.ports.storage import Transaction
from tests.support.world import CLIENTS, new_world

SUBJECTS = "/api/v2/authorization/subjects"


async def test_a_change_that_waited_is_refused_once_the_permission_was_taken(
    tmp_path: Path,
) -> None:
    async with new_world(tmp_path / "data", on_postgres=False) as world:
        plain = await world.admin.make_role("routing:queue:view")
        adds = await world.admin.make_role("oauth:client:add")
        member = await world.admin.make_client(plain, adds)
        await member.log_in()
        body = {
            "name": "late",
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "roleDivisions": [{"roleId": plain, "divisionId": "*"}],
        }
        assert (await member.call("POST", CLIENTS, body)).status_code == 200
        before = (await world.admin.get(CLIENTS))["total"]
        inside, go_on = threading.Event(), threading.Event()

        def hold(_: Transaction) -> None:
            inside.set()
            go_on.wait(10)

        # The one writer takes changes in the order they came: this one, the taking, the create.
        holding = asyncio.create_task(world.node.store.write(hold))
        await asyncio.to_thread(inside.wait, 10)
        path = f"{SUBJECTS}/{member.client_id}/divisions/*/roles/{adds}"
        taking = asyncio.create_task(world.admin.call("DELETE", path))
        for _ in range(20):
            await asyncio.sleep(0)
        creating = asyncio.create_task(member.call("POST", CLIENTS, body))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not taking.done()
        assert not creating.done()
        go_on.set()
        await holding
        assert (await taking).status_code == 204
        refused = await creating
        assert (refused.status_code, refused.json()["code"]) == (403, "missing.any.permissions")
        assert "oauth:client:add" in refused.json()["message"]
        assert (await world.admin.get(CLIENTS))["total"] == before
