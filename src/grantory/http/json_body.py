"""Reading a JSON body against a schema, naming every field that is wrong."""

import re
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, get_args, get_type_hints

import msgspec

from grantory.errors import ApiError, FieldProblem, invalid

MAX_BODY: Final = 1_048_576


FurtherProblems = Callable[[dict[str, Any], frozenset[str]], list[FieldProblem]]
"""Takes the good fields, and the names of the bad ones; both by the schema's own names."""


class Codes(msgspec.Struct, frozen=True):
    """The platform's codes for a field that is missing or bad, where it has special ones.

    Put into a field's ``Annotated``; ``read`` converts and checks a text by itself.
    """

    missing: str = "invalid.value"
    invalid: str = "invalid.value"
    read: Callable[[str], Any] | None = None
    """Raises ``ValueError`` with the rest of a sentence that begins with the field's name."""
    schema: dict[str, Any] | None = None
    """JSON Schema of the texts that ``read`` takes."""
    each: type[msgspec.Struct] | None = None
    """What a list is of, whose items are read one by one, so that problems name their fields."""
    length: msgspec.Meta | None = None
    """How long such a list may be."""


_DEFAULT: Final = Codes()
_EXPECTED: Final = re.compile(
    r"Expected `(?P<kind>[^`]+)`(?P<bound>(?: of| matching| [<>]).*?)?(?:, got .*)?"
)
_KINDS: Final = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}


class ListBody(msgspec.Struct):
    """A body that is a JSON array: a subclass has one field, which holds the whole of it."""


class _Field(NamedTuple):
    name: str
    encode_name: str
    required: bool
    type: Any
    codes: Codes


@cache
def _fields(schema: type[msgspec.Struct]) -> tuple[_Field, ...]:
    """Looks at a schema, once: what Python tells of its types takes long to ask."""
    hints = get_type_hints(schema, include_extras=True)
    return tuple(
        _Field(each.name, each.encode_name, each.required, each.type, codes_of(hints[each.name]))
        for each in msgspec.structs.fields(schema)
    )


@cache
def _whole(schema: type[msgspec.Struct]) -> type[msgspec.Struct] | None:
    """Makes a type that takes a body at once, if every field in it is good; it reads no text.

    Returns:
        The type, whose fields may all be None; None where lists must be read item by item.
    """
    fields = _fields(schema)
    if any(field.codes.each is not None for field in fields):
        return None
    return msgspec.defstruct(
        f"Whole{schema.__name__}",
        [(f.name, f.type | None if f.codes.read is None else Any, None) for f in fields],
        rename={field.name: field.encode_name for field in fields},
    )


def parse_json(data: bytes) -> Any:
    """Reads JSON.

    Raises:
        ApiError: 400 for an absent body or broken JSON.
    """
    if not data.strip():
        raise ApiError(400, "bad.request", "The request needs a JSON body.")
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise ApiError(400, "bad.request", "The body is not valid JSON.") from None


def read_body(
    schema: type[msgspec.Struct], data: bytes, further: FurtherProblems | None = None
) -> msgspec.Struct:
    """Reads a body; a field that is null counts as left out, unknown ones are ignored.

    Args:
        schema: a struct whose fields say what is allowed.
        data: the body.
        further: told the fields that are good where others are bad, it names those that a
            later check would refuse, so that a caller learns of all of them at once.

    Raises:
        ApiError: 400 with one detail for each bad field.
    """
    return read_value(schema, parse_json(data), further)


def read_value(
    schema: type[msgspec.Struct], value: Any, further: FurtherProblems | None = None
) -> msgspec.Struct:
    """Reads a body, or a part of one, that is out of JSON already; otherwise as ``read_body``."""
    given = _fields_of(schema, value)
    whole = _whole(schema)
    good = None if whole is None else _read_good(schema, whole, given)
    if good is not None:
        return good
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    bad: set[str] = set()
    for field in _fields(schema):
        value = given.get(field.encode_name)
        codes = field.codes
        if value is None:
            if field.required:
                bad.add(field.name)
                problems.append(FieldProblem(field.encode_name, codes.missing, "is required"))
            continue
        try:
            values[field.name] = (
                _convert(value, field.type, codes)
                if codes.each is None
                else _items(field.encode_name, value, codes.each, codes.length)
            )
        except ApiError as error:
            bad.add(field.name)
            problems += error.problems
        except (msgspec.ValidationError, ValueError) as error:
            bad.add(field.name)
            problems.append(FieldProblem(field.encode_name, codes.invalid, _sentence(error)))
        except RecursionError:
            bad.add(field.name)
            problems.append(FieldProblem(field.encode_name, codes.invalid, "is nested too deeply"))
    if problems:
        raise invalid(*problems, *(further(values, frozenset(bad)) if further else ()))
    return schema(**values)


def _read_good(
    schema: type[msgspec.Struct], whole: type[msgspec.Struct], given: dict[str, Any]
) -> msgspec.Struct | None:
    """Reads a body of which every field is good, in a fraction of the time; None for any other."""
    try:
        found = msgspec.convert(given, whole)
        values: dict[str, Any] = {}
        for name, _, required, _, codes in _fields(schema):
            value = getattr(found, name)
            if value is not None:
                values[name] = value if codes.read is None else _convert(value, Any, codes)
            elif required:
                return None
    except (msgspec.ValidationError, ValueError, RecursionError):
        return None
    return schema(**values)


def _fields_of(schema: type[msgspec.Struct], value: Any) -> dict[str, Any]:
    if issubclass(schema, ListBody):
        if not isinstance(value, list):
            raise ApiError(400, "bad.request", "The body must be a JSON array.")
        return {schema.__struct_encode_fields__[0]: value}
    if not isinstance(value, dict):
        raise ApiError(400, "bad.request", "The body must be a JSON object.")
    return value


def _items(
    field: str, value: Any, schema: type[msgspec.Struct], length: msgspec.Meta | None
) -> list[msgspec.Struct]:
    """Reads a list item by item.

    Raises:
        ApiError: 400 with one detail for each bad field of each of them.
    """
    found: list[msgspec.Struct] = []
    problems: list[FieldProblem] = []
    kind: Any = list[dict[str, Any]] if length is None else Annotated[list[dict[str, Any]], length]
    for index, item in enumerate(msgspec.convert(value, kind)):
        try:
            found.append(read_value(schema, item))
        except ApiError as error:
            problems += [p._replace(field=f"{field}[{index}].{p.field}") for p in error.problems]
    if problems:
        raise invalid(*problems)
    return found


def codes_of(hint: Any) -> Codes:
    """Finds the codes in a field's type, as ``get_type_hints`` gives it with its extras."""
    for part in (hint, *get_args(hint)):  # the arguments: of an annotated type that may be None
        for extra in getattr(part, "__metadata__", ()):
            if isinstance(extra, Codes):
                return extra
    return _DEFAULT


def _convert(value: Any, kind: Any, codes: Codes) -> Any:
    if codes.read is None:
        return msgspec.convert(value, kind)
    if not isinstance(value, str):
        raise ValueError("must be a text")
    return codes.read(value)


def _sentence(error: Exception) -> str:
    """Says in a caller's words what msgspec says in Python's."""
    what, _, where = str(error).partition(" - at `$")
    place = f" (at {where.rstrip('`')})" if where else ""
    expected = _EXPECTED.fullmatch(what)
    if expected is None:
        return f"is not valid: {what}{place}" if isinstance(error, msgspec.MsgspecError) else what
    kind = _KINDS.get(expected["kind"].removesuffix(" | null"), expected["kind"])
    bound = expected["bound"] or ""
    if bound.startswith(" matching"):
        return f"must not hold control characters{place}"
    return f"must be {kind}{bound}{place}"
