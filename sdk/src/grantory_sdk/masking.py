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
    parts = [
        f"{name}={MASK!r}" if name in SECRET_NAMES else f"{name}={value!r}"
        for name, value in fields.items()
        if value not in (None, "")
    ]
    return f"{kind}({', '.join(parts)})"
