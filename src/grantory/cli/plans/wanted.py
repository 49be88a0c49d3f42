"""From the document of a file to its entries."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from grantory.cli.plans import field_readers as readers
from grantory.cli.plans.entries import SECTIONS, Entry, Kind
from grantory.cli.plans.faults import Faults
from grantory.cli.plans.field_readers import Reader, Refused

MOST_ENTRIES: Final = 10_000
FIELDS: Final[dict[Kind, dict[str, Reader]]] = {
    "division": {"description": readers.read_text},
    "role": {
        "description": readers.read_text,
        "permissions": readers.read_texts,
        "policies": readers.read_policies,
    },
    "client": {
        "grant_type": readers.read_grant_type,
        "description": readers.read_text,
        "token_seconds": readers.read_lifetime,
        "redirect_uris": readers.read_texts,
        "scopes": readers.read_texts,
        "state": readers.read_state,
        "access_token_format": readers.read_token_format,
        "delete_at": readers.read_date,
        "roles": readers.read_roles,
    },
}
_OF_ALL: Final = ("name", "id", "absent")
_LONGEST_ID: Final = 64


def entries_of(document: Any, faults: Faults) -> list[Entry]:
    """Reads the entries of a file, in the order in which they are to be made.

    Args:
        document: what the file says.
        faults: gathers what is wrong.

    Raises:
        SetupError: if it is no file of this kind, or has too many entries.
    """
    if not isinstance(document, dict) or not document:
        faults.stop(f"it must have at least one of {', '.join(SECTIONS)}")
    for name in document:
        if name not in SECTIONS:
            faults.add("", readers.unknown(str(name), tuple(SECTIONS)))
    sections = {name: document[name] for name in SECTIONS if name in document}
    for name, section in sections.items():
        if not isinstance(section, list):
            faults.add(name, "must be a list")
    lists = {name: each for name, each in sections.items() if isinstance(each, list)}
    if sum(map(len, lists.values())) > MOST_ENTRIES:
        faults.stop(f"it has more than {MOST_ENTRIES} entries, which is the limit")
    found: list[Entry] = []
    for name, section in lists.items():
        read = [*_entries(name, section, faults)]
        _find_repeats(read, faults)
        found += read
    return found


def _entries(section: str, values: list[Any], faults: Faults) -> Iterator[Entry]:
    for number, value in enumerate(values):
        place = f"{section}[{number}]"
        if not isinstance(value, dict):
            faults.add(place, "must be a table")
            continue
        name = value.get("name")
        if isinstance(name, str):
            place += f" ({name if len(name) <= 60 else name[:57] + '...'})"
        yield _entry(SECTIONS[section], place, value, faults)


def _entry(kind: Kind, place: str, table: dict[str, Any], faults: Faults) -> Entry:
    known = {"name": readers.read_name, "id": _read_id, "absent": readers.read_switch}
    known |= FIELDS[kind]
    read: dict[str, Any] = {}
    for field, value in table.items():
        reader = known.get(field)
        if reader is None:
            faults.add(place, readers.unknown(field, tuple(known)))
            continue
        try:
            read[field] = reader(value)
        except Refused as refused:
            faults.add(f"{place}: {field}", str(refused))
    if "name" not in table:
        faults.add(place, "name is missing")
    own = {field: value for field, value in read.items() if field not in _OF_ALL}
    if own and read.get("absent"):
        faults.add(place, f"absent: it is to be deleted, so that {next(iter(own))} says nothing")
    return Entry(
        kind=kind,
        place=place,
        name=read.get("name", ""),
        id=read.get("id"),
        absent=read.get("absent", False),
        fields=own,
    )


def _read_id(value: Any) -> str:
    text = readers.read_name(value).lower()
    if len(text) > _LONGEST_ID or not all(c.isascii() and (c.isalnum() or c == "-") for c in text):
        raise Refused("is no id")
    return text


def _find_repeats(entries: list[Entry], faults: Faults) -> None:
    ids = Counter(entry.id for entry in entries if entry.id is not None)
    names = Counter(entry.name for entry in entries)
    nameless = Counter(entry.name for entry in entries if entry.id is None)
    for entry in entries:
        if entry.id is not None and ids[entry.id] > 1:
            faults.add(entry.place, "id stands in more than one entry")
        elif (
            entry.name
            and names[entry.name] > 1
            and (entry.kind != "client" or nameless[entry.name])
        ):
            faults.add(entry.place, "name stands in more than one entry")
