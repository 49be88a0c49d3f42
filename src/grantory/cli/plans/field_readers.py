"""Reads single fields of a file into the form in which they are compared."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, get_args

from grantory.cli.plans.entries import GRANTS, Held, grant_type_of
from grantory_sdk.models import ClientState, TokenFormat
from grantory_sdk.requests import date_text

LONGEST: Final = 4_000
MOST_VALUES: Final = 1_000
LIFETIMES: Final = range(300, 38_880_001)
POLICY: Final = (
    "domain",
    "entity",
    "actions",
    "name",
    "description",
    "named_resources",
    "allow_conditions",
    "resource_condition_node",
)
Refuse = Callable[[str], Any]
Reader = Callable[[Any], Any]


class Refused(ValueError):
    """A value is not what its field takes; the text says why, and not what stands there."""


def read_text(value: Any) -> str:
    """Reads a text; an empty one removes what there is."""
    if value is None:
        raise Refused('nothing stands there: leave it out to keep what there is, or write ""')
    if not isinstance(value, str):
        raise Refused("must be a text: write it in quotes")
    if len(value) > LONGEST:
        raise Refused(f"must have at most {LONGEST} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused("has half a character (a surrogate)") from None
    return value


def read_name(value: Any) -> str:
    """Reads a text that is there."""
    text = read_text(value)
    if not text.strip():
        raise Refused("must not be blank")
    return text


def read_switch(value: Any) -> bool:
    """Reads true or false."""
    if not isinstance(value, bool):
        raise Refused("must be true or false")
    return value


def read_lifetime(value: Any) -> int:
    """Reads seconds."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in LIFETIMES:
        raise Refused(f"must be a whole number from {LIFETIMES[0]} to {LIFETIMES[-1]}")
    return value


def read_texts(value: Any) -> tuple[str, ...]:
    """Reads a list of texts, each once."""
    return tuple(dict.fromkeys(_each(value, read_name)))


def read_grant_type(value: Any) -> str:
    """Reads a grant type, in any spelling."""
    found = grant_type_of(read_name(value))
    if found not in GRANTS:
        raise Refused(f"must be one of {', '.join(GRANTS)}")
    return found


def read_state(value: Any) -> str:
    """Reads a client's state."""
    return _choice(value, get_args(ClientState), str.lower)


def read_token_format(value: Any) -> str:
    """Reads the form of access tokens."""
    return _choice(value, get_args(TokenFormat), str.upper)


def read_date(value: Any) -> str:
    """Reads a date and time as a text or as TOML's own; one without a zone is UTC."""
    refusal = "must be a date and time such as 2030-01-31T12:00:00Z"
    if isinstance(value, str) and not value:
        return ""
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(read_text(value))
        in_zone = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
        return date_text(in_zone)
    except (Refused, ValueError, OverflowError):
        raise Refused(refusal) from None


def read_roles(value: Any) -> tuple[Held, ...]:
    """Reads roles: each a table with ``role`` and ``division``, or the role alone."""
    return tuple(dict.fromkeys(_each(value, _read_role)))


def read_policies(value: Any) -> tuple[dict[str, Any], ...]:
    """Reads the policies of a role."""
    return tuple(_each(value, _read_policy))


def _each(value: Any, reader: Reader) -> list[Any]:
    if not isinstance(value, list):
        raise Refused("must be a list")
    if len(value) > MOST_VALUES:
        raise Refused(f"must have at most {MOST_VALUES} values")
    read = []
    for number, each in enumerate(value):
        try:
            read.append(reader(each))
        except Refused as refused:
            raise Refused(f"[{number}] {refused}") from None
    return read


def _choice(value: Any, choices: tuple[str, ...], spelled: Callable[[str], str]) -> str:
    found = spelled(read_text(value))
    if found not in choices:
        raise Refused(f"must be one of {', '.join(choices)}")
    return found


def _read_role(value: Any) -> Held:
    if isinstance(value, str):
        return Held(read_name(value))
    table = _table(value, ("role", "division"))
    if "role" not in table:
        raise Refused("role is missing")
    division = read_name(table["division"]) if "division" in table else ""
    return Held(read_name(table["role"]), division)


def _read_policy(value: Any) -> dict[str, Any]:
    table = _table(value, POLICY)
    missing = [name for name in POLICY[:3] if name not in table]
    if missing:
        raise Refused(f"{missing[0]} is missing")
    policy: dict[str, Any] = {
        "domain": read_name(table["domain"]),
        "entity": read_name(table["entity"]),
        "actions": read_texts(table["actions"]),
        "name": read_text(table.get("name", "")),
        "description": read_text(table.get("description", "")),
        "named_resources": read_texts(table.get("named_resources", [])),
        "allow_conditions": read_switch(table.get("allow_conditions", False)),
        "resource_condition_node": _read_node(table.get("resource_condition_node", {})),
    }
    return told_policy(policy)


def told_policy(policy: dict[str, Any]) -> dict[str, Any]:
    """A policy without what says nothing."""
    return {name: value for name, value in policy.items() if value}


def without_nulls(value: Any) -> Any:
    """A condition without what says nothing, which TOML could not write either."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value if each is not None]
    return value


def _read_node(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused("resource_condition_node must be a table")
    _require_plain(value)
    read: dict[str, Any] = without_nulls(value)
    return read


def _require_plain(value: Any) -> None:
    """Sees that JSON can say it; how deep a file may be was looked at before."""
    if isinstance(value, dict):
        for name, each in value.items():
            read_text(name)
            _require_plain(each)
    elif isinstance(value, list):
        for each in value:
            _require_plain(each)
    elif isinstance(value, str):
        read_text(value)
    elif value is not None and not isinstance(value, bool | int | float):
        raise Refused("resource_condition_node must hold texts, numbers, true and false")


def _table(value: Any, names: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused("must be a table")
    for name in value:
        if name not in names:
            raise Refused(unknown(name, names))
    return value


def unknown(name: str, names: tuple[str, ...]) -> str:
    """Says that there is no such field, and which one may be meant."""
    if any(word in name.lower() for word in _SECRETS):
        return (
            f"{_short(name)} cannot stand there: files hold no secrets; that of a new client "
            "goes where --secret-to or --secret-dir says"
        )
    meant = _API_NAMES.get(name)
    if meant not in names:
        from difflib import get_close_matches

        meant = next(iter(get_close_matches(name.lower()[:60], names, 1, 0.6)), None)
    if meant is not None:
        return f"there is no {_short(name)}: it may be {meant} that is meant"
    return f"there is no {_short(name)}; there are: {', '.join(names)}"


def _short(name: str) -> str:
    return repr(name if len(name) <= 60 else name[:57] + "...")


_SECRETS: Final = ("secret", "password", "credential", "private_key", "privatekey")
_API_NAMES: Final = {
    "authorizedGrantType": "grant_type",
    "accessTokenValiditySeconds": "token_seconds",
    "registeredRedirectUri": "redirect_uris",
    "scope": "scopes",
    "roleIds": "roles",
    "roleDivisions": "roles",
    "dateToDelete": "delete_at",
    "accessTokenFormat": "access_token_format",
    "permissionPolicies": "policies",
    "roleId": "role",
    "divisionId": "division",
    "entityName": "entity",
    "actionSet": "actions",
    "policyName": "name",
    "policyDescription": "description",
    "namedResources": "named_resources",
    "allowConditions": "allow_conditions",
    "resourceConditionNode": "resource_condition_node",
}
