"""Attack case 77: page tokens that nobody gave out, and strings that are known for trouble."""

import itertools
import re
from typing import Any
from urllib.parse import quote, urlencode

import httpx2 as httpx
import pytest

from grantory.app import build_operations
from grantory.http.operation import Operation
from tests.security.answers import error_of, refused
from tests.support.world import CLIENTS, ROLES, World

NAUGHTY = [
    "",
    " ",
    "null",
    "undefined",
    "true",
    "NaN",
    "-1",
    "0",
    "1e400",
    "9" * 400,
    "0x10",
    "\u0661",
    "1;DROP TABLE clients",
    "' OR '1'='1",
    '" OR ""="',
    "') OR 1=1 --",
    "1 UNION SELECT name, sql FROM sqlite_master",
    "%' AND 1=randomblob(100000000) --",
    "x' || (SELECT digest FROM client_secrets) || '",
    "%",
    "_",
    "*",
    "[a-z]*",
    "\\",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "file:///etc/passwd",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "%s%n%x",
    "$(id)",
    "`id`",
    "a\r\nSet-Cookie: b=c",
    "\x01\x02\x1b[31m",
    "\x7f",
    "\u0000",
    "\ufeff",
    "\u202e",
    "\ufffe",
    "\U0001f511",
    "\u0130\u0131\u00df\ufb01",
    "e" + "\u0301" * 300,
    "a" * 3000,
]
BYTES = ["%00", "%ff", "%c0%af", "%ed%a0%80", "%", "%zz", "%u0041", "a%00b", "+", "%2F", "%252e"]
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


def operations_of(world: World) -> tuple[Operation, ...]:
    return build_operations(world.node, world.settings)


def calm(answer: httpx.Response) -> httpx.Response:
    """Asserts that an answer is a right one or a refusal in the platform's form."""
    assert answer.status_code < 500, f"{answer.request.url} {answer.text}"
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        error_of(answer)
    assert "Traceback" not in answer.text
    assert "sqlite" not in answer.text.lower().replace("sqlite_master", "")
    return answer


async def test_case_77_naughty_strings_in_every_query_parameter(world: World) -> None:
    admin = world.admin
    for _ in range(3):
        await admin.make_member("routing:queue:view")
    known = {
        o.path: [parameter.name for parameter in o.query]
        for o in operations_of(world)
        if o.method == "GET" and "{" not in o.path and o.answer is not int
    }
    lists = list(known)
    totals = {path: (await admin.call("GET", path)).json().get("total") for path in lists}

    async def everything() -> list[Any]:
        answers = [(await admin.call("GET", path)).json() for path in lists]
        return [{k: v for k, v in answer.items() if k != "contextId"} for answer in answers]

    before = await everything()

    async def ask(path: str, query: str) -> None:
        answer = calm(await admin.call("GET", f"{path}?{query}"))
        if answer.status_code == 200 and totals[path] is not None:
            # Nothing that was asked in this way brought more to light.
            assert answer.json()["total"] <= totals[path]

    for path in lists:
        # What an operation does not know is not looked at: all of it goes in one request.
        asked = [[name] for name in known[path]]
        asked.append([name for name in NAMES if name not in known[path]])
        for names, value in itertools.product(asked, NAUGHTY):
            await ask(path, urlencode(dict.fromkeys(names, value)))
        for names, value in itertools.product(asked, BYTES):
            await ask(path, "&".join(f"{name}={value}" for name in names))
            await ask(path, "&".join(f"{value}={name}" for name in names))
    assert await everything() == before


async def test_case_77_naughty_strings_in_every_path_parameter(world: World) -> None:
    admin = world.admin
    await admin.make_member("routing:queue:view")
    before = await admin.get(CLIENTS), await admin.get(ROLES)
    bodies: dict[str, Any] = {"PUT": {"name": "a", "authorizedGrantType": "CODE"}}
    bodies["PATCH"] = {"name": "a"}
    pair = {"roleId": "x", "divisionId": "*"}
    bodies["POST"] = {"grants": [pair], "subjectIds": ["x"], "divisionIds": ["*"]}

    for operation in operations_of(world):
        if "{" not in operation.path:
            continue
        for value in [*(quote(text, safe="") for text in NAUGHTY), *BYTES, "*", "me%20", "%2e"]:
            path = value.join(re.split(r"\{\w+\}", operation.path))
            body = bodies.get(operation.method) if operation.body is not None else None
            answer = await admin.call(operation.method, path, body)
            calm(answer)
            assert answer.status_code in (400, 404, 405), f"{path} {answer.text}"
    assert (await admin.get(CLIENTS), await admin.get(ROLES)) == before


@pytest.mark.parametrize("name", ["pageSize", "pageNumber"])
async def test_case_77_page_numbers_are_plain_numbers(world: World, name: str) -> None:
    bad = ["", " ", "0", "-1", "+1", "1.0", "1e2", "0x1", "1 ", " 1", "\u0661", "\u00b2", "1,2"]
    bad += ["9" * 10, "9" * 5000, "null", "NaN", "Infinity", "1;2", "%31", "1\n"]
    bad += ["501"] if name == "pageSize" else ["10000001"]
    for path in (CLIENTS, ROLES, "/api/v2/authorization/divisions"):
        for value in bad:
            answer = await world.admin.call("GET", f"{path}?{urlencode({name: value})}")
            error = refused(answer, 400, "invalid.value")
            assert error["details"][0]["fieldName"] == name
        # The last one counts, and a bad one is not hidden by a good one before it.
        answer = await world.admin.call("GET", f"{path}?{name}=1&{name}=x")
        refused(answer, 400, "invalid.value")


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
    for value in ("permissions", "organization_id", "name_key", "name;", "name desc", "1", "*"):
        answer = await world.admin.call("GET", f"{ROLES}?{urlencode({'sortBy': value})}")
        refused(answer, 400, "invalid.value")
    for value in ("name", "id", ""):
        assert (await world.admin.call("GET", f"{ROLES}?sortBy={value}")).status_code == 200


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
