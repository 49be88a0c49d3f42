"""Attack case 77: strings that are known for trouble in every text field of every body.

The cases are drawn from the operations' own declarations; the fields from ``/openapi.json``.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from grantory.http.api_v2.schemas import PLATFORM_NAMES
from grantory.http.api_v2.user_schemas import CreateUser
from tests.security.naughty import NAUGHTY, calm, drawn
from tests.security.tenants import (
    ALWAYS_REFUSED,
    OPERATIONS,
    OWN,
    bodies,
    contents,
    elsewhere,
    mine,
    no_providers,
)
from tests.support.soak import ON_BOTH
from tests.support.world import World

pytestmark = ON_BOTH
WITH_BODY = [operation for operation in OPERATIONS if operation.body is not None]
SHARE = 3
"""A field meets one string of so many; a password fewer, since they take long to digest."""
WRITTEN_ANEW = {
    "authorizedGrantType",
    "state",
    "defaultCountryCode",
    "certificate",
    "relyingPartyIdentifier",
}
"""Fields that are answered in one spelling, however they were sent."""
Place = tuple[str | int, ...]
OF_OTHERS: set[Place] = {("changes", 0, name) for name in ("id", "modified")}
"""What a list has for other changes than that of the example: test_change_lists.py has them."""


def texts(node: Any, place: Place = ()) -> Iterator[Place]:
    """Where a body holds a text."""
    if isinstance(node, str):
        yield place
    elif isinstance(node, dict | list):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            yield from texts(value, (*place, key))


def described(schema: Any, models: dict[str, Any], place: Place = ()) -> Iterator[Place]:
    """Where a schema has a text; in lists, as the first; a change has another operation's body."""
    for one in schema.get("anyOf", [schema]) if place[2:] != ("body",) else ():
        each = models[one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        if each.get("type") == "string":
            yield place
        elif each.get("type") == "array":
            yield from described(each["items"], models, (*place, 0))
        for name, inner in each.get("properties", {}).items():
            yield from described(inner, models, (*place, name))


async def test_case_77_every_text_of_a_body_has_an_example(world: World) -> None:
    models = (await world.http.get("/openapi.json")).json()["components"]["schemas"]
    examples = bodies(dict.fromkeys(("roleId", "divisionId", "subjectId"), "x"), 1)
    for schema in {operation.body for operation in WITH_BODY}:
        assert schema is not None
        there = set(described(models[PLATFORM_NAMES.get(schema.__name__, schema.__name__)], models))
        there -= OF_OTHERS
        assert there <= set(texts(examples[schema])), schema.__name__


async def test_case_77_naughty_strings_in_every_text_of_every_body(world: World) -> None:
    ours, theirs = await mine(world), await elsewhere(world)
    hidden = [value for name, value in ours.ids.items() if name != "scopeId"]
    before, turn, taken = await contents(ours.admin), 0, 0
    for operation in WITH_BODY:
        for place in list(texts(await theirs.body(operation))):
            turn += 1
            share = SHARE * 4 if str(place[-1]).lower().endswith("password") else SHARE
            for value in drawn(world, NAUGHTY, turn, share):
                own = operation.path.startswith(OWN)
                caller = await theirs.caller(operation) if own else theirs.admin
                body = deepcopy(await theirs.body(operation))
                if operation.body is CreateUser and place != ("password",):
                    del body["password"]
                inner = body
                for key in place[:-1]:
                    inner = inner[key]
                inner[place[-1]] = value
                path = await theirs.path(operation)
                answer = calm(await caller.call(operation.method, path, body))
                assert not [text for text in hidden if text in answer.text]
                if not answer.is_success:
                    assert answer.status_code in (400, 409), (operation.id, place, answer.text)
                    continue
                taken += 1
                assert operation.id not in ALWAYS_REFUSED
                told = answer.json() if answer.content else {}
                name = place[0]
                if len(place) == 1 and name not in WRITTEN_ANEW and name in told:
                    assert told[name] == value, operation.id
                if operation.method == "POST":
                    theirs.ids.pop("deletedId", None)  # it may have been restored
        await no_providers(theirs.admin)
        theirs.ids.pop("providerId", None)
    assert taken > 50
    assert await contents(ours.admin) == before
