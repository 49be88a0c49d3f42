"""``/openapi.json``: the management API described from the declarations that route and check it.

The models are those that requests are read by and answers are written from (OpenAPI 3.1, whose
schemas are JSON Schema 2020-12, as msgspec makes them).
"""

import re
from collections.abc import Iterable
from typing import Any, Final, TypeGuard, get_type_hints

import msgspec

from grantory.domain.scopes import sufficient_scopes
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.change_schemas import ChangeRequest, MadeChange
from grantory.http.json_body import ListBody, codes_of
from grantory.http.openapi_login import LOGIN_PATHS
from grantory.http.openapi_oauth import OAUTH_PATHS, OAUTH_SCHEMAS
from grantory.http.openapi_texts import IDS, describe_fields
from grantory.http.operation import Empty, Operation, Parameter

_REF: Final = "#/components/schemas/"
_OUR_NAME: Final = re.compile(rf'("{_REF})(\w+)"')
_IN_PATH: Final = re.compile(r"\{(\w+)\}")
_ALWAYS: Final = (401, 408, 429, 431, 503)
_REASONS: Final = {
    400: "The request is not valid; details name each bad field.",
    401: "The bearer token is missing, or not valid any more.",
    403: "The caller lacks the permission, or would give what it does not hold.",
    404: "There is no such entity in the caller's organisation.",
    408: "The request came too slowly.",
    409: "Another entity is in the way, such as one of the same name.",
    413: "The body is too large.",
    415: "The body is not plain application/json.",
    429: "Too many requests; Retry-After tells when to come again.",
    431: "The line and headers of the request are too large.",
    503: "The server cannot answer now; Retry-After tells when to come again.",
}
_PAGE: Final = {
    "pageSize": {"type": "integer", "minimum": 1},
    "pageNumber": {"type": "integer", "minimum": 1},
    "total": {"type": "integer", "minimum": 0},
    "pageCount": {"type": "integer", "minimum": 1},
    **{name: {"type": "string"} for name in ("firstUri", "lastUri", "selfUri")},
    **{name: {"type": "string"} for name in ("nextUri", "previousUri")},
}
_OPTIONAL: Final = frozenset({"nextUri", "previousUri"})
_SECONDS: Final = {"type": "integer", "minimum": 1}
_COUNT: Final = {"type": "integer", "minimum": 0}
_HEADERS: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "ININ-Correlation-Id": ("The id of this request", {"type": "string", "format": "uuid"}),
    "inin-ratelimit-count": ("Requests in the minute that has begun", _COUNT),
    "inin-ratelimit-allowed": ("Requests allowed in a minute", _COUNT),
    "inin-ratelimit-reset": ("Seconds until the minute ends", _SECONDS),
    "Retry-After": ("Seconds after which a repeat makes sense", _SECONDS),
    "WWW-Authenticate": ("By RFC 6750", {"type": "string"}),
}
_RATES: Final = tuple(name for name in _HEADERS if "ratelimit" in name)
_WITH: Final = {401: ("WWW-Authenticate",), 429: (*_RATES, "Retry-After")}
"""The headers that an error has for sure, besides the first."""
_PLAIN: Final[dict[type | None, str]] = {int: "integer", Empty: "object"}
"""JSON's names of answers that are no models."""


def build_document(operations: Iterable[Operation], version: str, address: str) -> bytes:
    """Describes operations.

    Args:
        operations: the declarations.
        version: of the server.
        address: the server's public address, or ``/``: where the document is.

    Returns:
        The document in JSON.
    """
    declared = tuple(operations)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Grantory",
            "version": version,
            "description": "An OAuth 2.0 authorization server and registry of OAuth clients. "
            "The management API is that of PureCloud / Genesys Cloud. To another method than "
            "those that are described an address answers 405 and, in Allow, those that it takes; "
            "500 is a fault of the server's, and so described nowhere.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": address}],
        "security": [{"bearer": []}],
        "paths": _paths(declared),
        "components": {
            "schemas": describe_fields(build_models(declared)),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "client": {"type": "http", "scheme": "basic"},
            },
            "headers": {
                name: {"description": text, "required": True, "schema": schema}
                for name, (text, schema) in _HEADERS.items()
            },
        },
    }
    text = msgspec.json.encode(document).decode()
    return _OUR_NAME.sub(lambda found: found[1] + _their_name(found[2]) + '"', text).encode()


def _their_name(name: str) -> str:
    return schemas.PLATFORM_NAMES.get(name, name)


def _paths(operations: tuple[Operation, ...]) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {**dict(sorted(paths.items())), **OAUTH_PATHS, **LOGIN_PATHS}


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.path.split("/")[3]],
        "parameters": [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": IDS[name],
                "schema": {"type": "string"},
            }
            for name in _IN_PATH.findall(operation.path)
        ]
        + [_parameter(parameter) for parameter in operation.query],
        "responses": _responses(operation),
    }
    needs = []
    if operation.permissions:
        needs.append("Needs one of: " + ", ".join(operation.permissions) + ".")
        described["x-permissions"] = list(operation.permissions)
    if operation.scope:
        reads = operation.method in ("GET", "HEAD")
        scopes = sufficient_scopes(operation.scope, operation.narrow_scope, reads=reads)
        needs.append(
            "Where the organisation enforces scopes, a user's token needs one of: "
            + ", ".join(scopes)
            + "."
        )
        described["x-scopes"] = list(scopes)
    if needs:
        described["description"] = " ".join(needs)
    if operation.body is not None:
        content = {"application/json": {"schema": _of(operation.body)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.type}
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.least is not None:
        schema["minimum"] = parameter.least
    if parameter.most is not None:
        schema["maximum"] = parameter.most
    if parameter.repeated:
        schema = {"type": "array", "items": schema}
    described = {"name": parameter.name, "in": "query", "schema": schema}
    return {**described, "description": parameter.summary} if parameter.summary else described


def _responses(operation: Operation) -> dict[str, Any]:
    success: dict[str, Any] = {"description": "Done.", "headers": _headers(*_RATES)}
    if operation.answer in _PLAIN:
        kind = _PLAIN[operation.answer]
        success["content"] = {"application/json": {"schema": {"type": kind}}}
    elif operation.answer is not None:
        name = _listing_name(operation.answer) if operation.listed else operation.answer.__name__
        success["content"] = {"application/json": {"schema": {"$ref": _REF + name}}}
    statuses = {400, *_ALWAYS}
    if operation.permissions or operation.scope:
        statuses.add(403)
    if "{" in operation.path:
        statuses.add(404)
    if operation.body is not None:
        statuses |= {403, 404, 409, 413, 415}
    if operation.method == "DELETE":
        statuses.add(409)
    body = {} if operation.method == "HEAD" else {"content": _error_content()}
    errors = {
        str(status): {
            "description": _REASONS[status],
            "headers": _headers(*_WITH.get(status, ())),
            **body,
        }
        for status in sorted(statuses)
    }
    return {str(operation.status): success, **errors}


def _headers(*names: str) -> dict[str, Any]:
    return {
        name: {"$ref": f"#/components/headers/{name}"} for name in ("ININ-Correlation-Id", *names)
    }


def _error_content() -> dict[str, Any]:
    return {"application/json": {"schema": _of(schemas.ErrorBody)}}


def _of(model: type) -> dict[str, str]:
    return {"$ref": _REF + model.__name__}


def _listing_name(model: type) -> str:
    return model.__name__ + "EntityListing"


def build_models(operations: Iterable[Operation]) -> dict[str, Any]:
    """Describes the models of operations and of OAuth's own endpoints, fields without their texts.

    Args:
        operations: the declarations.

    Returns:
        JSON Schemas, by the platform's names.
    """
    operations = tuple(operations)
    models: set[type[msgspec.Struct]] = {schemas.ErrorBody}
    for operation in operations:
        models.update(each for each in (operation.body, operation.answer) if _is_model(each))
    ordered = sorted(models, key=lambda model: model.__name__)
    _, found = msgspec.json.schema_components(ordered, ref_template=_REF + "{name}")
    for model in ordered:
        _put_right(model, found[model.__name__])
        if issubclass(model, ListBody):
            (found[model.__name__],) = found[model.__name__]["properties"].values()
    _describe_changes(operations, found)
    sent = {operation.body.__name__ for operation in operations if operation.body is not None}
    taken = _reached(sent, found)
    for name, described in found.items():
        if name not in taken:
            _leave_null_out(described)
    listed = {operation.answer for operation in operations if operation.listed}
    for model in sorted(filter(_is_model, listed), key=lambda m: m.__name__):
        found[_listing_name(model)] = {
            "type": "object",
            "properties": {"entities": {"type": "array", "items": _of(model)}, **_PAGE},
            "required": ["entities", *(name for name in _PAGE if name not in _OPTIONAL)],
        }
    used = msgspec.json.encode(found)
    kept = {name: each for name, each in found.items() if _is_used(name, used, ordered)}
    named = {_their_name(name): each for name, each in kept.items()}
    for name, each in named.items():
        each["title"] = name
    return {**dict(sorted(named.items())), **OAUTH_SCHEMAS}


def _is_model(answer: type | None) -> TypeGuard[type[msgspec.Struct]]:
    return answer is not None and issubclass(answer, msgspec.Struct)


def _is_used(name: str, document: bytes, models: list[type[msgspec.Struct]]) -> bool:
    """Tells whether a model is still asked for, now that texts stand where they are read."""
    is_model = any(name == model.__name__ for model in models) or name.endswith("EntityListing")
    return is_model or f'"{_REF}{name}"'.encode() in document


def _put_right(model: type[msgspec.Struct], described: dict[str, Any]) -> None:
    """Describes texts that are read by a function as the texts that they are."""
    hints = get_type_hints(model, include_extras=True)
    for field in msgspec.structs.fields(model):
        schema = codes_of(hints[field.name]).schema
        if schema is not None:
            kinds = [dict(schema)] if field.required else [dict(schema), {"type": "null"}]
            described["properties"][field.encode_name] = (
                kinds[0] if field.required else {"anyOf": kinds}
            )


def _describe_changes(operations: tuple[Operation, ...], found: dict[str, Any]) -> None:
    """Names the operations that can be part of a list of changes, and what each of them takes."""
    if ChangeRequest.__name__ not in found:
        return
    listed = [operation for operation in operations if operation.in_list is not None]
    request = found[ChangeRequest.__name__]
    _put_right(ChangeRequest, request)
    for each in (request, found[MadeChange.__name__]):
        each["properties"]["operation"] = {"type": "string", "enum": [o.id for o in listed]}
    bodies = dict.fromkeys(o.body for o in listed if o.body is not None)
    request["properties"]["body"] = {"anyOf": [*map(_of, bodies), {"type": "null"}]}


def _reached(names: Iterable[str], found: dict[str, Any]) -> set[str]:
    """Gives the models that these consist of, and themselves."""
    reached: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            text = msgspec.json.encode(found[name]).decode()
            left += re.findall(rf'"{_REF}(\w+)"', text)
    return reached


def _leave_null_out(described: dict[str, Any]) -> None:
    """Takes null from an answer's fields: what is absent is left out."""
    for name, field in described.get("properties", {}).items():
        kinds = [kind for kind in field.get("anyOf", ()) if kind != {"type": "null"}]
        if len(kinds) == 1:
            described["properties"][name] = kinds[0]
        field.pop("default", None)
