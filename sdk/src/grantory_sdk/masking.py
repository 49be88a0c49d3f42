"""What credentials look like when something that holds them is shown."""

from typing import Any, Final

MASK: Final = "***"
SECRET_NAMES: Final = frozenset(
    {
        "access_token",
        "assertion",
        "client_secret",
        "code_verifier",
        "new_password",
        "old_password",
        "password",
        "refresh_token",
        "secret",
    }
)
"""Fields whose values are never shown."""


def shown(kind: str, fields: dict[str, Any]) -> str:
    """Writes an object as ``repr`` does, without what is secret in it and what is not set.

    Args:
        kind: the name of its class.
        fields: its values by their names.
    """
    return f"{kind}({', '.join(f'{name}={value!r}' for name, value in masked(fields))})"


def masked(fields: dict[str, Any]) -> list[tuple[str, Any]]:
    """The fields that are set, those that are secret with a mask for a value.

    Args:
        fields: values by their names.
    """
    return [
        (name, MASK if name in SECRET_NAMES else value)
        for name, value in fields.items()
        if value not in (None, "")
    ]
