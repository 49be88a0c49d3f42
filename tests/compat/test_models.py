"""The models of ``/openapi.json`` beside those of the official Python SDK, field by field."""

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest

from tests.compat.sdk import PYTHON_SDK
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
DUMP = """
import json, PureCloudPlatformClientV2 as sdk
found = {}
for name in dir(sdk):
    kind = getattr(sdk, name)
    if isinstance(kind, type) and kind.__module__.startswith("PureCloudPlatformClientV2.models"):
        made = kind()
        found[name] = {made.attribute_map[k]: t for k, t in made.swagger_types.items()}
print(json.dumps(found))
"""
OURS_ALONE = {
    *("ApprovalRequest", "OAuthError", "RoleIdList", "Token", "TokenRequest"),
    *("AboutToken", "AuthorizationServer", "Introspection", "Jwk", "JwkSet"),
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
SIMPLE = {
    "str": "string",
    "datetime": "string",
    "date": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
}


@cache
def theirs() -> dict[str, dict[str, str]]:
    done = subprocess.run(
        [str(PYTHON_SDK), "-c", DUMP], capture_output=True, text=True, timeout=120, check=True
    )
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


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
            elif their_kind(expected) != kind(described) and (
                (kind(described), their_kind(expected)) not in ALIKE
            ):
                wrong.append(f"{name}.{field} is {kind(described)}, theirs is {expected}")
    assert not wrong, "\n".join(wrong)
