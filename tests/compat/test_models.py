"""The models of ``/openapi.json`` beside those of the official Python SDK, field by field."""

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest

from tests.compat.sdk import NODE_MODULES, PYTHON_SDK
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
DUMP = """
import ast, inspect, json, re, PureCloudPlatformClientV2 as sdk
found = {}
def choices(kind, name):
    setter = getattr(kind, name).fset
    said = re.search(r"allowed_values = (\\[.*\\])", inspect.getsource(setter))
    return ast.literal_eval(said[1]) if said else []
for name in dir(sdk):
    kind = getattr(sdk, name)
    if isinstance(kind, type) and kind.__module__.startswith("PureCloudPlatformClientV2.models"):
        made = kind()
        found[name] = {
            made.attribute_map[k]: (t, choices(kind, k)) for k, t in made.swagger_types.items()
        }
print(json.dumps(found))
"""
OURS_ALONE = {
    *("ApprovalRequest", "OAuthError", "RoleIdList", "Token", "TokenRequest"),
    *("AboutToken", "AuthorizationServer", "Introspection", "Jwk", "JwkSet"),
    *("ChangeRequest", "ChangesRequest", "MadeChange", "MadeChanges"),
}
"""Models of what the SDK has none for: OAuth's own endpoints, and a list of ids."""
OWN_FIELDS: dict[str, set[str]] = {
    "Organization": {"scopeEnforcement"},
    "OAuthClient": {"accessTokenFormat"},
    "OAuthClientRequest": {"accessTokenFormat"},
    "CustomProvider": {
        *("audiences", "recipients", "emailAttribute", "version", "dateCreated", "dateModified")
    },
}
"""Fields of the platform's models that it has not itself."""
REQUESTS = {
    "CustomProviderRequest": "CustomProvider",
    "DivisionRequest": "AuthzDivision",
    "DivisionRestoreRequest": "AuthzDivision",
    "IdleTokenTimeoutRequest": "IdleTokenTimeout",
    "OrganizationRequest": "Organization",
}
"""The SDK sends the model of the answer where only some of its fields count."""
ADDRESSES = {"firstUri", "lastUri", "nextUri", "previousUri", "selfUri"}
"""Every list has them here, theirs not all."""
ALIKE = {
    ("DomainEntityRef", "NamedEntity"),
    ("list[RoleDivision]", "list[RoleDivisionPair]"),
    ("list[DomainPermissionPolicy]", "list[ResourcePermissionPolicy]"),
    ("object", "DomainResourceConditionNode"),
    ("list[CustomProvider]", "list[SAMLProvider]"),
    ("list[object]", "list[ErrorBody]"),
}
"""Two names for the same fields, or for some of them, and what is kept or left empty without being
looked into."""
NOT_TAKEN = {"CreateUser.state": {"deleted"}, "UpdateUser.state": {"deleted"}}
"""Values that the SDK can send and that are refused: users are deleted by DELETE."""
OF_2018 = {"SAML2BEARER", "CLIENT_CREDENTIALS"}
"""Grant types as ``api.grant_type_style`` has them answered to SDKs of that year."""
NEEDED_OTHERWISE = {
    "AuthzDivision": {"description"},
    "DivisionRequest": {"name", "description"},
    "DivisionRestoreRequest": {"description"},
    "CreateUser": {"divisionId"},
    "CustomProviderRequest": {"name", "issuerURI"},
    "DomainOrganizationRoleUpdate": {"name"},
    "OrganizationRequest": {"version"},
    "UpdateUser": {"version"},
}
"""Fields that only one of both must have: docs/compatibility/models.md says why."""
SIMPLE = {
    "str": "string",
    "datetime": "string",
    "date": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
}


class Theirs(NamedTuple):
    """A field of a model of the Python SDK: its type, and the values that it knows of."""

    kind: str
    choices: list[str]


@cache
def theirs() -> dict[str, dict[str, Theirs]]:
    done = subprocess.run(
        [str(PYTHON_SDK), "-c", DUMP], capture_output=True, text=True, timeout=120, check=True
    )
    found = json.loads(done.stdout)
    return {
        name: {field: Theirs(*told) for field, told in model.items()}
        for name, model in found.items()
    }


@cache
def needed() -> dict[str, set[str]]:
    """The fields that each model of the JavaScript SDK must have, by its types for TypeScript."""
    types = (NODE_MODULES / "purecloud-platform-client-v2" / "index.d.ts").read_text("utf-8")
    models = re.finditer(r"^\texport interface (\w+) \{ *\n(.*?)^\t\}", types, re.M | re.S)
    return {match[1]: set(re.findall(r"^\t\t\"([^\"]+)\": ", match[2], re.M)) for match in models}


def kind(schema: dict[str, Any]) -> str:
    """The type as the SDK would write it."""
    if "anyOf" in schema:
        (schema,) = [each for each in schema["anyOf"] if each != {"type": "null"}]
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"list[{kind(schema['items'])}]"
    if schema.get("type") == "object":
        return "object"
    return str(schema["type"])


def their_kind(text: str) -> str:
    if found := re.fullmatch(r"list\[(.*)\]", text):
        return f"list[{their_kind(found[1])}]"
    if text.startswith("dict(") or text == "object":
        return "object"
    return SIMPLE.get(text, text)


def test_every_model_is_one_of_the_sdks_and_every_field_one_of_its_fields(
    server: RunningServer,
) -> None:
    schemas = server.call("GET", "/openapi.json").json()["components"]["schemas"]
    wrong = []
    for name, schema in schemas.items():
        if name in OURS_ALONE:
            continue
        model = theirs().get(REQUESTS.get(name, name))
        if model is None:
            wrong.append(f"no model {name}")
            continue
        for field, described in schema["properties"].items():
            if name.endswith("Listing") and field in ADDRESSES:
                continue
            expected = model.get(field)
            if field in OWN_FIELDS.get(REQUESTS.get(name, name), ()):
                if expected is not None:
                    wrong.append(f"{name}.{field} is theirs, too")
            elif expected is None:
                wrong.append(f"no field {name}.{field}")
            elif their_kind(expected.kind) != kind(described) and (
                (kind(described), their_kind(expected.kind)) not in ALIKE
            ):
                wrong.append(f"{name}.{field} is {kind(described)}, theirs is {expected.kind}")
    assert not wrong, "\n".join(wrong)


def plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A field's schema without null."""
    found = [each for each in schema.get("anyOf", [schema]) if each != {"type": "null"}]
    return dict(found[0])


def shared(server: RunningServer) -> Iterator[tuple[str, str, dict[str, Any], Theirs]]:
    """The fields that are in a model of ours and in theirs: both names, and what each says."""
    schemas = server.call("GET", "/openapi.json").json()["components"]["schemas"]
    for name, schema in schemas.items():
        model = theirs().get(REQUESTS.get(name, name), {})
        for field, described in schema.get("properties", {}).items():
            if field in model:
                yield name, field, plain(described), model[field]


def test_dates_are_described_as_dates(server: RunningServer) -> None:
    dates = {
        f"{name}.{field}": (told.kind, described.get("format", ""))
        for name, field, described, told in shared(server)
        if told.kind in ("datetime", "date") or described.get("format")
    }
    assert len(dates) > 10
    assert dates == dict.fromkeys(dates, ("datetime", "date-time"))


def test_values_are_those_that_the_sdk_knows(server: RunningServer) -> None:
    """What it may send is taken, and it knows whatever is answered."""
    wrong = {}
    for name, field, described, told in shared(server):
        ours, known = set(described.get("enum", ())), set(told.choices)
        where = f"{name}.{field}"
        if is_request(name):
            good = ours >= known - NOT_TAKEN.get(where, set())
        else:
            good = ours - OF_2018 <= known and bool(ours) is bool(known)
        if not good:
            wrong[where] = (ours, known)
    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())


def is_request(name: str) -> bool:
    return (
        name in REQUESTS
        or name.endswith(("Request", "RoleCreate", "RoleUpdate"))
        or (name in {"CreateUser", "UpdateUser", "RoleDivisionGrants", "SubjectDivisions"})
    )


def test_what_must_be_there_is_there(server: RunningServer) -> None:
    """A request needs what theirs needs, and an answer has it."""
    schemas = server.call("GET", "/openapi.json").json()["components"]["schemas"]
    wrong = {}
    for name, schema in schemas.items():
        if name in OURS_ALONE:
            continue
        ours, model = set(schema.get("required", ())), needed()[REQUESTS.get(name, name)]
        known = {field for field in model if field in schema["properties"]}
        unlike = ours ^ known if is_request(name) else known - ours
        if unlike != NEEDED_OTHERWISE.get(name, set()):
            wrong[name] = (sorted(ours - known), sorted(known - ours))
    assert not wrong, "\n".join(f"{k}: {v}" for k, v in wrong.items())
