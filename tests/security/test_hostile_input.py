"""Attack case 77: page tokens that nobody gave out, and strings that are known for trouble."""

from urllib.parse import quote, urlencode

import httpx2 as httpx
import pytest

from grantory.http.operation import Operation, Parameter
from tests.security.answers import refused
from tests.security.naughty import BYTES, NAUGHTY, calm, drawn
from tests.security.tenants import OPERATIONS, Tenant, contents, elsewhere, id_names, mine
from tests.support.soak import ON_BOTH
from tests.support.world import CLIENTS, ROLES, World

pytestmark = ON_BOTH
PERMISSIONS = "/api/v2/authorization/permissions"

NAMES = [
    "pageSize",
    "pageNumber",
    "sortBy",
    "sortOrder",
    "nextPage",
    "previousPage",
    "cursor",
    "after",
    "name",
    "id",
    "permission",
    "defaultRoleId",
    "userCount",
    "expand",
    "fields",
    "query",
    "state",
    "preserveIdleTTL",
    "unknown",
]


def with_parameter(*names: str) -> list[tuple[Operation, Parameter]]:
    """Every parameter of these names, or every one at all, with its operation."""
    return [(o, p) for o in OPERATIONS for p in o.query if not names or p.name in names]


def hidden_of(tenant: Tenant) -> list[str]:
    return [value for name, value in tenant.ids.items() if name != "scopeId"]


def shows_none(answer: httpx.Response, hidden: list[str]) -> httpx.Response:
    """Asserts that an answer is calm, and tells nothing of another organisation."""
    calm(answer)
    assert not [text for text in hidden if text in answer.text]
    return answer


async def test_case_77_naughty_strings_in_every_query_parameter(world: World) -> None:
    ours, theirs = await mine(world), await elsewhere(world)
    hidden, before = hidden_of(ours), await contents(ours.admin)
    asked = [(o, [p.name], p.name) for o, p in with_parameter()]
    # What an operation does not know is not looked at: all of it goes in one request.
    asked += [
        (o, [name for name in NAMES if name not in {p.name for p in o.query}], "")
        for o in OPERATIONS
        if o.method == "GET"
    ]
    for turn, (operation, names, known) in enumerate(asked):
        good = await theirs.admin.call(operation.method, await theirs.path(operation))
        total = good.json().get("total") if good.content and "total" in good.text else None
        queries = [urlencode(dict.fromkeys(names, value)) for value in NAUGHTY]
        queries += ["&".join(f"{name}={value}" for name in names) for value in BYTES]
        queries += ["&".join(f"{value}={name}" for name in names) for value in BYTES]
        if operation.path.startswith(PERMISSIONS) and known:
            queries = queries[::3]  # a long list, of what is the same everywhere
        for query in drawn(world, queries, turn):
            path = await theirs.path(operation)
            answer = await theirs.admin.call(operation.method, f"{path}?{query}")
            shows_none(answer, hidden)
            if operation.method != "GET" and answer.is_success:
                theirs.ids.clear()  # it may have used them up
            elif answer.status_code == 200 and total is not None:
                # Nothing that was asked in this way brought more to light.
                assert answer.json()["total"] <= total
    assert await contents(ours.admin) == before


async def test_case_77_naughty_strings_in_every_path_parameter(world: World) -> None:
    """Each id of a path alone, and all of them, with a body that is good otherwise."""
    ours, theirs = await mine(world), await elsewhere(world)
    hidden, before = hidden_of(ours), await contents(ours.admin)
    values = [*(quote(text, safe="") for text in NAUGHTY), *BYTES, "*", "me%20", "%2e"]
    for operation in (o for o in OPERATIONS if id_names(o)):
        names = list(id_names(operation))
        body = await theirs.body(operation)
        there = await contents(theirs.admin)
        for hostile in (names, *([[name] for name in names] if len(names) > 1 else [])):
            for value in drawn(world, values, len(hostile)):
                if value in ("*", "%2A") and hostile == ["divisionId"]:
                    continue  # which stands for every division
                path = await theirs.path(operation, **dict.fromkeys(hostile, value))
                answer = await theirs.admin.call(operation.method, path, body)
                shows_none(answer, hidden)
                assert answer.status_code in (400, 404, 405), f"{path} {answer.text}"
        assert await contents(theirs.admin) == there
    assert await contents(ours.admin) == before


@pytest.mark.parametrize("name", ["pageSize", "pageNumber"])
async def test_case_77_page_numbers_are_plain_numbers(world: World, name: str) -> None:
    bad = ["", " ", "0", "-1", "+1", "1.0", "1e2", "0x1", "1 ", " 1", "\u0661", "\u00b2", "1,2"]
    bad += ["9" * 10, "9" * 5000, "null", "NaN", "Infinity", "1;2", "%31", "1\n"]
    tenant = Tenant(world, world.admin)
    paged = with_parameter(name)
    assert len(paged) > 7
    for operation, parameter in paged:
        path = await tenant.path(operation)
        for value in [*bad, str((parameter.most or 0) + 1)]:
            answer = await world.admin.call("GET", f"{path}?{urlencode({name: value})}")
            error = refused(answer, 400, "invalid.value")
            assert error["details"][0]["fieldName"] == name
        # The last one counts, and a bad one is not hidden by a good one before it.
        answer = await world.admin.call("GET", f"{path}?{name}=1&{name}=x")
        refused(answer, 400, "invalid.value")
        for value in ("1", str(parameter.most)):
            assert (await world.admin.call("GET", f"{path}?{name}={value}")).status_code == 200


async def test_case_77_a_page_beyond_the_end_is_empty(world: World) -> None:
    for path in (CLIENTS, ROLES, "/api/v2/authorization/divisions"):
        for number in (2, 1000, 10_000_000):
            page = await world.admin.get(f"{path}?pageSize=500&pageNumber={number}")
            assert page["entities"] == []
            assert "nextUri" not in page


@pytest.mark.parametrize("name", ["nextPage", "previousPage"])
async def test_case_77_a_page_token_that_nobody_gave_out(world: World, name: str) -> None:
    stranger = world.member(await world.found("Elsewhere"))
    page = await stranger.get(f"{ROLES}?pageSize=1")
    given = [page["selfUri"], page["entities"][0]["id"]]

    for value in [text for text in NAUGHTY if text and text != "\u0000"] + given:
        answer = await world.admin.call("GET", f"{ROLES}?{urlencode({name: value})}")
        error = refused(answer, 400, "invalid.value")
        assert error["details"][0]["fieldName"] == name


async def test_case_77_another_organisations_page_address_gives_ones_own(world: World) -> None:
    stranger = world.member(await world.found("Elsewhere"))
    for _ in range(3):
        await world.admin.make_member("routing:queue:view")
    page = await world.admin.get(f"{CLIENTS}?pageSize=2&pageNumber=1")

    for name in ("firstUri", "nextUri", "lastUri", "selfUri"):
        theirs = await stranger.get(page[name])
        assert theirs["total"] == 1
        assert {e["id"] for e in theirs["entities"]} <= {stranger.client_id}


async def test_case_77_sorting_is_by_an_allow_list(world: World) -> None:
    ordered = with_parameter("sortBy", "sortOrder")
    assert len(ordered) > 4
    for operation, parameter in ordered:
        path = await Tenant(world, world.admin).path(operation)
        for value in ("permissions", "organization_id", "name_key", "name;", "name desc", "1", "*"):
            query = urlencode({parameter.name: value})
            answer = await world.admin.call("GET", f"{path}?{query}")
            refused(answer, 400, "invalid.value")
        for value in parameter.choices:
            answer = await world.admin.call("GET", f"{path}?{parameter.name}={value}")
            assert answer.status_code == 200, f"{path} {parameter.name}={value}"


async def test_case_77_filters_compare_texts_and_nothing_else(world: World) -> None:
    names = ["100%", "a_b", "axb", "it's", 'say "x"', "back\\slash", "\u00df", "[x]"]
    for name in names:
        await world.admin.make_role("routing:queue:view", name=name)
    for wanted in names:
        found = await world.admin.get(f"{ROLES}?{urlencode({'name': wanted})}")
        assert [role["name"] for role in found["entities"]] == [wanted]
    for value in ("%", "_"):
        found = await world.admin.get(f"{ROLES}?{urlencode({'name': value})}")
        assert all(value in role["name"] for role in found["entities"])
    answer = await world.admin.get(f"{ROLES}?{urlencode({'permission': 'x OR 1=1'})}")
    assert answer["entities"] == []


@pytest.mark.parametrize("field", ["name", "description"])
async def test_case_77_naughty_strings_are_kept_as_they_are_or_refused(
    world: World, field: str
) -> None:
    for path, rest in ((CLIENTS, {"authorizedGrantType": "CODE"}), (ROLES, {})):
        for value in NAUGHTY:
            body = {"name": f"thing {world.count()}", **rest, field: value}
            answer = calm(await world.admin.call("POST", path, body))
            if answer.status_code != 200:
                assert answer.status_code in (400, 409)
                continue
            assert answer.json().get(field, "") == value
            read = await world.admin.get(f"{path}/{answer.json()['id']}")
            assert read.get(field, "") == value
    assert (await world.admin.get(f"{ROLES}?pageSize=500"))["total"] >= 1


async def test_case_77_controls_are_refused_in_names(world: World) -> None:
    for value in ("a\x00b", "a\nb", "a\rb", "a\x1b[31mb", "a\x7fb", "\t"):
        for path, rest in ((CLIENTS, {"authorizedGrantType": "CODE"}), (ROLES, {})):
            answer = await world.admin.call("POST", path, {"name": value, **rest})
            refused(answer, 400, "invalid.value")


async def test_case_77_a_query_is_bounded(world: World) -> None:
    for query in ("a" * 8193, "&".join(f"p{n}=1" for n in range(101)), "a=" + "%41" * 5000):
        answer = await world.admin.call("GET", f"{CLIENTS}?{query}")
        refused(answer, 400, "bad.request")
