"""The file with profiles: servers that a person calls, with the credentials for them."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from grantory_sdk.errors import ConfigurationError

FILE_VARIABLE: Final = "GRANTORY_PROFILES_FILE"
NAMES: Final = frozenset(
    {
        "url",
        "login_url",
        "region",
        "client_id",
        "client_secret",
        "client_secret_file",
        "access_token",
        "access_token_expires",
        "refresh_token",
    }
)


def profiles_file(environment: Mapping[str, str]) -> Path:
    """Where the profiles are: as ``GRANTORY_PROFILES_FILE`` says, or in the user's settings."""
    chosen = environment.get(FILE_VARIABLE)
    if chosen:
        return Path(chosen)
    folder = environment.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / "grantory" / "profiles.toml"


def read_profile(path: Path, name: str = "") -> dict[str, str]:
    """Reads a profile.

    Args:
        path: the file.
        name: the profile's; empty for the file's default.

    Returns:
        Its values; none where there is no file or no default, and no name was asked for.

    Raises:
        ConfigurationError: if the file cannot be read, others may read it, or the profile is
            missing or wrong.
    """
    _, document = read_document(path)
    profiles = document.get("profiles", {})
    chosen = name or document.get("default", "")
    if not chosen:
        return {}
    if not isinstance(profiles, dict) or not isinstance(profiles.get(chosen), dict):
        known = ", ".join(profiles) if isinstance(profiles, dict) and profiles else "none"
        raise ConfigurationError(f"{path} has no profile {chosen!r}; there are: {known}.")
    values: dict[str, Any] = dict(profiles[chosen])
    for key, value in values.items():
        if key not in NAMES:
            allowed = ", ".join(sorted(NAMES))
            raise ConfigurationError(f"{path}, profile {chosen}: {key} is none of {allowed}.")
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"{path}, profile {chosen}: {key} must be a text.")
    return _with_secret(values, path, chosen)


def profile_names(environment: Mapping[str, str]) -> list[str]:
    """The names of the profiles that there are.

    Raises:
        ConfigurationError: if the file cannot be read, or others may read it.
    """
    _, document = read_document(profiles_file(environment))
    profiles = document.get("profiles", {})
    return list(profiles) if isinstance(profiles, dict) else []


def default_profile(environment: Mapping[str, str]) -> str:
    """The name of the file's default profile; empty where there is none.

    Raises:
        ConfigurationError: if the file cannot be read, or others may read it.
    """
    _, document = read_document(profiles_file(environment))
    default = document.get("default", "")
    return default if isinstance(default, str) else ""


def _with_secret(values: dict[str, str], path: Path, chosen: str) -> dict[str, str]:
    file = values.pop("client_secret_file", None)
    if file is None:
        return values
    secret_file = path.parent / Path(file).expanduser()
    try:
        values["client_secret"] = secret_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path}, profile {chosen}: client_secret_file cannot be read: {error}."
        ) from None
    return values


def read_document(path: Path) -> tuple[str, dict[str, Any]]:
    """Reads the file.

    Returns:
        Its text, and what it says; nothing where there is none.

    Raises:
        ConfigurationError: if it cannot be read, or others may read it.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read().decode("utf-8")
    except FileNotFoundError:
        return "", {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}.") from None
    if os.name == "posix" and mode & 0o077:
        raise ConfigurationError(
            f"{path} can be read by others and may hold secrets: chmod 600 {path}"
        )
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is no TOML: {error}.") from None
