"""Choosing and ordering the list of clients."""

import asyncio
import time
from typing import Any
from urllib.parse import quote

import pytest

from grantory.domain.access import Assignment
from grantory.domain.client import ClientState, GrantType, SubjectKind
from grantory.ports.storage import Transaction
from grantory.registry.clients import STREAM_BATCH
from tests.support.entities import a_client, an_id
from tests.support.world import CLIENTS, World

NAMES = ["beta", "Alpha", "alpha 10%", "al_ha", "Straße", "ALPHA*", "back\\slash"]


async def add(world: World, *fields: dict[str, Any]) -> list[str]:
    """Put clients into the store itself; returns their ids in the order of creation."""
    organization, start = world.founding.organization.id, world.clock.now_ms() + 1

    def work(t: Transaction) -> None:
        for number, more in enumerate(fields, 1):
            created = start + number // 2
            given = {"created_at": created, "modified_at": created, **more}
            t.clients.add(a_client(number, organization_id=organization, **given))

    await world.node.store.write(work)
    return [an_id(number) for number in range(1, len(fields) + 1)]


async def named(world: World) -> None:
    await add(world, *({"name": name} for name in NAMES))


async def names(world: World, query: str) -> list[str]:
    page = await world.admin.get(f"{CLIENTS}?{query}")
    assert page["pageCount"] == page["pageNumber"] == 1
    assert page["total"] == len(page["entities"])
    return [client["name"] for client in page["entities"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ALPHA", ["Alpha", "alpha 10%", "ALPHA*"]),
        ("%", ["alpha 10%"]),
        ("_", ["al_ha"]),
        ("*", ["ALPHA*"]),
        ("\\", ["back\\slash"]),
        ("STRASSE", ["Straße"]),
        ("straße", ["Straße"]),
        ("first", ["First client"]),
        ("' OR 1=1 --", []),
        ("nothing", []),
        ("", ["First client", *NAMES]),
    ],
)
async def test_a_part_of_the_name_finds_in_any_case_and_literally(
    world: World, text: str, found: list[str]
) -> None:
    await named(world)
    assert await names(world, f"name={quote(text)}") == found


@pytest.mark.parametrize("text", ["SAML2-BEARER", "saml2bearer", "Saml2_Bearer"])
async def test_a_grant_type_is_read_as_in_bodies(world: World, text: str) -> None:
    await add(
        world,
        {"grant_type": GrantType.SAML2_BEARER},
        {"grant_type": GrantType.IMPLICIT},
        {"grant_type": GrantType.SAML2_BEARER, "state": ClientState.INACTIVE},
    )
    assert await names(world, f"authorizedGrantType={text}") == ["client 1", "client 3"]
    assert await names(world, f"authorizedGrantType={text}&state=inactive") == ["client 3"]


@pytest.mark.parametrize("state", list(ClientState))
async def test_a_state_is_read_in_any_case(world: World, state: ClientState) -> None:
    await add(world, *({"state": each, "name": each.value} for each in ClientState))
    first = ["First client"] if state is ClientState.ACTIVE else []
    assert await names(world, f"state={state.value.upper()}") == [*first, state.value]


async def test_filters_add_up(world: World) -> None:
    code = GrantType.AUTHORIZATION_CODE
    await add(
        world,
        {"name": "a1", "grant_type": code},
        {"name": "b1", "grant_type": code},
        {"name": "a2", "grant_type": code, "state": ClientState.DISABLED},
        {"name": "a3"},
    )
    query = "name=A&authorizedGrantType=code&state=active"
    assert await names(world, query) == ["a1"]


async def test_each_order_runs_both_ways(world: World) -> None:
    start = world.clock.now_ms() + 10
    rows = [("b", 3), ("A", 1), ("c", 2), ("B", 3)]
    await add(world, *({"name": name, "modified_at": start + at} for name, at in rows))
    ascending = {
        "name": ["A", "b", "B", "c", "First client"],
        "dateCreated": ["First client", "b", "A", "c", "B"],
        "dateModified": ["First client", "A", "c", "b", "B"],
    }
    for sort, expected in ascending.items():
        for order in ("", "&sortOrder=ASC", "&sortOrder=asc", "&sortOrder=Ascending"):
            assert await names(world, f"sortBy={sort}{order}") == expected
        for order in ("DESC", "desc", "descending"):
            assert await names(world, f"sortBy={sort}&sortOrder={order}") == expected[::-1]
    assert await names(world, "sortOrder=DESC") == ascending["dateCreated"][::-1]
    page = await world.admin.get(f"{CLIENTS}?sortBy=id")
    ids = [client["id"] for client in page["entities"]]
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("authorizedGrantType", value) for value in ("", "x", "CODE%00", "CODE,TOKEN")),
        *(("state", value) for value in ("", "deleted", "active'")),
        *(("sortBy", value) for value in ("", "secret", "NAME", "name;", "token_epoch")),
        *(("sortOrder", value) for value in ("", "up", "ASC;")),
        *(("name", value) for value in ("x" * 201, "%00")),
        *(("pageSize", value) for value in ("0", "501", "x")),
    ],
)
async def test_a_bad_parameter_is_named(world: World, name: str, value: str) -> None:
    for more in ("", "&sortBy=id" if name != "sortBy" else "&state=active"):
        answer = await world.admin.call("GET", f"{CLIENTS}?{name}={value}{more}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid.value")
        assert [detail["fieldName"] for detail in answer.json()["details"]] == [name]


async def test_every_bad_parameter_is_named_at_once(world: World) -> None:
    answer = await world.admin.call("GET", f"{CLIENTS}?state=x&sortBy=y&sortOrder=z")
    fields = [detail["fieldName"] for detail in answer.json()["details"]]
    assert fields == ["state", "sortBy", "sortOrder"]


async def test_without_a_filter_the_list_is_what_it_was_byte_for_byte(world: World) -> None:
    await named(world)
    plain = await world.admin.call("GET", CLIENTS)
    same = await world.admin.call("GET", f"{CLIENTS}?expand=x&organizationId=y")
    assert same.content == plain.content
    chosen = await world.admin.call("GET", f"{CLIENTS}?sortBy=dateCreated")
    address = CLIENTS.encode()
    own = b'"' + address + b'"'
    assert chosen.content.replace(address + b'?sortBy=dateCreated"', address + b'"') == (
        plain.content
    )
    assert plain.content.count(own) == 3


async def test_entities_are_what_get_answers(world: World) -> None:
    await world.admin.make_client(
        authorizedGrantType="CODE", registeredRedirectUri=["https://b.c/", "https://a.b/"]
    )
    await world.admin.make_member("oauth:client:view")
    page = await world.admin.get(f"{CLIENTS}?sortBy=name&sortOrder=DESC")
    assert page["total"] == 3
    for client in page["entities"]:
        assert client == await world.admin.get(client["selfUri"])
    assert page["selfUri"] == f"{CLIENTS}?sortBy=name&sortOrder=DESC"
    assert await world.admin.get(page["selfUri"]) == page


async def test_pages_of_a_chosen_list_follow_one_another(world: World) -> None:
    await add(world, *({"name": f"n{i:02d}" if i % 2 else "other"} for i in range(1, 24)))
    address = f"{CLIENTS}?name=N&sortBy=name&sortOrder=desc&pageSize=5"
    seen: list[str] = []
    while address:
        page = await world.admin.get(address)
        assert (page["total"], page["pageCount"], page["pageSize"]) == (13, 3, 5)
        seen += [client["name"] for client in page["entities"]]
        address = page.get("nextUri", "")
    expected = [f"n{i:02d}" for i in range(23, 0, -2)]
    assert seen == [*expected, "First client"]
    beyond = await world.admin.get(f"{CLIENTS}?name=N&pageNumber=9")
    assert (beyond["entities"], beyond["total"]) == ([], 13)


async def test_a_page_may_lie_across_batches(world: World) -> None:
    ids = await add(world, *({} for _ in range(2 * STREAM_BATCH + 20)))
    path = f"{CLIENTS}?sortBy=id&name=client&pageSize=300&pageNumber=2"
    page = await world.admin.get(path)
    everyone = sorted([*ids, world.admin.client_id])
    assert [client["id"] for client in page["entities"]] == everyone[300:600]
    assert page["total"] == len(everyone)


@pytest.mark.parametrize("count", [STREAM_BATCH - 1, STREAM_BATCH, STREAM_BATCH + 1, 1200])
async def test_everything_that_fits_comes_in_one_page(world: World, count: int) -> None:
    fields = [{"name": f"{(i * 7919) % count:05d}"} for i in range(count)]
    await add(world, *fields, {"name": "other"})
    expected = sorted(field["name"] for field in fields)
    assert await names(world, "name=0&sortBy=name") == expected
    assert await names(world, "name=0&sortBy=name&sortOrder=DESC") == expected[::-1]


async def test_a_list_shows_ones_own_organisation_and_needs_its_permission(world: World) -> None:
    await named(world)
    other = world.member(await world.found("Other"))
    for query in ("name=a", "sortBy=name", "state=active", "name=a&pageSize=10"):
        page = await other.get(f"{CLIENTS}?{query}")
        assert {client["id"] for client in page["entities"]} <= {other.client_id}
    member = await world.admin.make_member("oauth:client:edit")
    answer = await member.call("GET", f"{CLIENTS}?name=a")
    assert answer.status_code == 403
    assert "oauth:client:view" in answer.json()["message"]


async def test_roles_are_shown_in_a_chosen_list(world: World) -> None:
    (client_id,) = await add(world, {"name": "machine"})
    organization = world.founding.organization.id

    def grant(t: Transaction) -> None:
        held = [Assignment("a-role", "*")]
        t.access.set_grants(organization, client_id, SubjectKind.CLIENT, held, 1)

    await world.node.store.write(grant)
    (found,) = (await world.admin.get(f"{CLIENTS}?name=machine"))["entities"]
    assert found["roleDivisions"] == [{"roleId": "a-role", "divisionId": "*"}]


async def test_others_are_served_while_a_long_list_is_put_in_order(world: World) -> None:
    await add(world, *({"name": f"n{i}"} for i in range(3_000)))
    await world.admin.log_in()
    listing = asyncio.create_task(world.admin.call("GET", f"{CLIENTS}?name=n&sortBy=name"))
    turns, longest = 0, 0.0
    while not listing.done():
        begun = time.perf_counter()
        await asyncio.sleep(0)
        longest = max(longest, time.perf_counter() - begun)
        turns += 1
    assert listing.result().json()["total"] == 3_001
    assert turns > 12
    assert longest < 1.0
