"""Reading a JSON body against a schema, naming every field that is wrong."""

from collections.abc import Callable
from typing import Any, Final, get_type_hints

import msgspec

from grantory.errors import ApiError, FieldProblem, invalid

MAX_BODY: Final = 1_048_576


class Codes(msgspec.Struct, frozen=True):
    """The platform's codes for a field that is missing or bad, where it has special ones.

    Put into a field's ``Annotated``; ``read`` converts and checks a text by itself.
    """

    missing: str = "invalid.value"
    invalid: str = "invalid.value"
    read: Callable[[str], Any] | None = None
    """Raises ``ValueError`` with the rest of a sentence that begins with the field's name."""


_DEFAULT: Final = Codes()


def parse_json(data: bytes) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        ApiError: 400 for an absent body, broken JSON, or anything but an object.
    """
    if not data.strip():
        raise ApiError(400, "bad.request", "The request needs a JSON body.")
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise ApiError(400, "bad.request", "The body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise ApiError(400, "bad.request", "The body must be a JSON object.")
    return value


def read_body(schema: type[msgspec.Struct], data: bytes) -> msgspec.Struct:
    """Reads a body; a field that is null counts as left out, unknown ones are ignored.

    Args:
        schema: a struct whose fields say what is allowed.
        data: the body.

    Raises:
        ApiError: 400 with one detail for each bad field.
    """
    given = parse_json(data)
    hints = get_type_hints(schema, include_extras=True)
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for field in msgspec.structs.fields(schema):
        value = given.get(field.encode_name)
        codes = _codes(hints[field.name])
        if value is None:
            if field.required:
                problems.append(FieldProblem(field.encode_name, codes.missing, "is required"))
            continue
        try:
            values[field.name] = _convert(value, field.type, codes)
        except (msgspec.ValidationError, ValueError) as error:
            problems.append(FieldProblem(field.encode_name, codes.invalid, _sentence(error)))
        except RecursionError:
            problems.append(FieldProblem(field.encode_name, codes.invalid, "is nested too deeply"))
    if problems:
        raise invalid(*problems)
    return schema(**values)


def _codes(hint: Any) -> Codes:
    found = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Codes)]
    return found[0] if found else _DEFAULT


def _convert(value: Any, kind: Any, codes: Codes) -> Any:
    if codes.read is None:
        return msgspec.convert(value, kind)
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return codes.read(value)


def _sentence(error: Exception) -> str:
    text = str(error)
    what, _, where = text.partition(" - at `$")
    place = f" (at {where.rstrip('`')})" if where else ""
    if what.startswith("Expected "):
        return f"must be {what.removeprefix('Expected ')}{place}"
    if what.startswith("Object missing required field"):
        return f"has an {what[0].lower()}{what[1:]}{place}"
    return f"{what}{place}"
