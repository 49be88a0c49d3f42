"""Every setting: its name, its meaning, its default, and where a value may come from.

A flag wins over a variable, a variable over the file, the file over the default. A dotted
name's variable is ``GRANTORY_`` with capitals and underscores.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from grantory.domain.web_origin import is_origin
from grantory.errors import SetupError
from grantory.registry.configured_providers import TABLES, ConfiguredProvider, read_tables
from grantory.registry.jwt_keys import KeyLife

PREFIX: Final = "GRANTORY_"
_DEFAULT_PORT: Final = re.compile(r"(?<=^http://)(.*):80$|(?<=^https://)(.*):443$")
_PLATFORM: Final = re.compile(r"GRANTORY_(PORT_\d.*|SERVICE_.*)")
CLIENT_VARIABLES: Final = frozenset(
    {
        "GRANTORY_ACCESS_TOKEN",
        "GRANTORY_CLIENT_ID",
        "GRANTORY_CLIENT_SECRET",
        "GRANTORY_CONFIG",
        "GRANTORY_LOGIN_URL",
        "GRANTORY_PROFILE",
        "GRANTORY_PROFILES_FILE",
        "GRANTORY_URL",
    }
)
"""Variables of the client commands, and the one that names the file."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The effective settings."""

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    data_dir: Path = Path("grantory-data")
    database_url: str = ""
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    master_key: str = ""
    master_key_file: Path | None = None
    http_api_prefix: str = ""
    http_login_prefix: str = ""
    http_cors_origins: tuple[str, ...] = ()
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_dev: str = ""
    api_grant_type_style: str = "hyphen"
    clients_delete_requires_inactive: bool = False
    throttle_failures_per_client_and_address: int = 20
    throttle_failures_per_address: int = 300
    throttle_logins_per_user_and_address: int = 10
    throttle_logins_per_user: int = 100
    throttle_logins_per_address: int = 100
    grants_implicit: bool = True
    grants_password: bool = False
    tokens_refresh_days: int = 30
    tokens_audience: str = ""
    keys_jwt_rotation_days: int = 90
    keys_jwt_publish_minutes: int = 70
    limits_requests_per_client: int = 0
    limits_requests_per_organization: int = 0
    passwords_min_length: int = 8
    audit_refusals_days: int = 30
    metrics_allowed_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    metrics_token_file: Path | None = None
    identity_providers: tuple[ConfiguredProvider, ...] = ()
    """Tables of the file alone, with no variable or flag."""

    @property
    def key_life(self) -> KeyLife:
        """How long a private key is published before it signs, and how long it signs."""
        return KeyLife(self.keys_jwt_publish_minutes, self.keys_jwt_rotation_days)

    def __repr__(self) -> str:
        return "Settings(…)"


class Setting(msgspec.Struct, frozen=True):
    """The documentation and the reader of one setting."""

    name: str
    meaning: str
    read: Callable[[str], Any]
    secret: bool = False
    flag: str = ""
    """On the command line; by default ``--`` and the name with hyphens."""

    @property
    def field(self) -> str:
        """The name of the field in ``Settings``."""
        return self.name.replace(".", "_")

    @property
    def variable(self) -> str:
        """The name of the environment variable."""
        return PREFIX + self.field.upper()


def _text(text: str) -> str:
    return text


def _host(text: str) -> str:
    if not text.strip() or text != text.strip():
        raise ValueError("must be an address or a host name")
    return text


def _path(text: str) -> Path:
    if not text.strip():
        raise ValueError("must be a path")
    return Path(text)


def _port(text: str) -> int:
    return _number(text, 0, 65_535)


def _workers(text: str) -> int:
    return _number(text, 1, 256)


def _count(text: str) -> int:
    return _number(text, 0, 1_000_000_000)


def _days(text: str) -> int:
    return _number(text, 1, 366)


def _publish_minutes(text: str) -> int:
    # So long others keep what they read, and so far clocks may lie apart, before upkeep stops.
    return _number(text, 70, 1440)


def _audience(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:[!-~]{1,250}", text):
        raise ValueError("must be the address or name of a resource server, with its scheme")
    if set(text) & set('#"\\'):
        raise ValueError("must not hold #, quotes or backslashes")
    return text


def _length(text: str) -> int:
    return _number(text, 8, 64)


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not least <= int(text) <= most:
        raise ValueError(f"must be a whole number from {least} to {most}")
    return int(text)


def _switch(text: str) -> bool:
    known = {"true": True, "1": True, "on": True, "yes": True}
    known |= {"false": False, "0": False, "off": False, "no": False}
    if text.lower() not in known:
        raise ValueError("must be true or false")
    return known[text.lower()]


def _host_name(text: str) -> str:
    """Takes a host name of which others can be made: ``api.`` and ``login.`` before it."""
    parts = text.split(".")
    good = all(re.fullmatch(r"(?!-)[a-z0-9-]{1,63}(?<!-)", part) for part in parts)
    if text and not (good and len(text) <= 240 and not parts[-1].isdigit()):
        raise ValueError("must be a host name in lower case, such as grantory.localhost")
    return text


def _prefix(text: str) -> str:
    if text and not re.fullmatch(r"(/[A-Za-z0-9_.~-]+)+", text):
        raise ValueError("must be empty or a path such as /login")
    return text


def _style(text: str) -> str:
    if text not in ("hyphen", "underscore"):
        raise ValueError("must be hyphen or underscore")
    return text


def _url(text: str) -> str:
    if not text:
        return text
    address = _DEFAULT_PORT.sub(r"\1\2", text.rstrip("/").lower())
    if not (address.startswith(("http://", "https://")) and is_origin(address)):
        raise ValueError("must be an address such as https://auth.example.com")
    return address


def _origins(text: str) -> tuple[str, ...]:
    listed = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in listed:
        if not is_origin(origin):
            raise ValueError(
                "must be origins as browsers send them, separated by commas, such as "
                "https://app.example.com or http://localhost:3000: in lower case, without a path "
                "or a default port"
            )
    return listed


def _networks(text: str) -> tuple[str, ...]:
    listed = tuple(part.strip() for part in text.split(",") if part.strip())
    for network in listed:
        try:
            ipaddress.ip_network(network)
        except ValueError:
            raise ValueError("must be addresses or networks, separated by commas") from None
    return listed


def _networks_or_none(text: str) -> tuple[str, ...]:
    try:
        return () if text.strip() == "none" else _networks(text)
    except ValueError as error:
        raise ValueError(f"{error}, or none") from None


def _database(text: str) -> str:
    if text and not text.startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("must be sqlite:///path or postgresql://user:password@host:port/database")
    return text


SETTINGS: Final = (
    Setting("host", "The address to listen on.", _host),
    Setting("port", "The port to listen on.", _port),
    Setting("workers", "Server processes that share the port and the store.", _workers),
    Setting("data_dir", "The folder of the embedded store and the master key.", _path),
    Setting(
        "database_url",
        "The store: sqlite:///path, or postgresql:// as libpq takes it, several hosts included; "
        "empty for grantory.db in the data directory.",
        _database,
    ),
    Setting(
        "public_url",
        "The address under which people and programs reach the server; never the Host header.",
        _url,
    ),
    Setting(
        "trusted_proxies",
        "Addresses or networks, separated by commas, whose X-Forwarded-For is believed.",
        _networks,
    ),
    Setting("master_key", "The master key itself, base64 of 32 bytes.", _text, secret=True),
    Setting(
        "master_key_file", "The file with the master key; by default in the data directory.", _path
    ),
    Setting("http.api_prefix", "A path before /api/v2, as SDK gateways put it.", _prefix),
    Setting("http.login_prefix", "A path before /oauth, as SDK gateways put it.", _prefix),
    Setting(
        "http.cors_origins",
        "Origins, separated by commas, whose pages may read answers beside those that clients "
        "have redirect URIs of.",
        _origins,
    ),
    Setting(
        "tls.cert",
        "A file with the certificate to show, in PEM: the server's own, then those above it.",
        _path,
    ),
    Setting("tls.key", "A file with the key of that certificate, in PEM, not encrypted.", _path),
    Setting(
        "tls.dev",
        "A host name, for which a certificate of an authority of this machine is made; for "
        "development.",
        _host_name,
        flag="--dev-tls",
    ),
    Setting(
        "api.grant_type_style",
        "How grant types are answered: hyphen, or underscore for the first SDKs.",
        _style,
    ),
    Setting(
        "clients.delete_requires_inactive", "Whether only inactive clients may be deleted.", _switch
    ),
    Setting(
        "throttle.failures_per_client_and_address",
        "Wrong secrets allowed per minute for one client id and address; 0 for no limit.",
        _count,
    ),
    Setting(
        "throttle.failures_per_address",
        "Wrong secrets allowed per minute from one address; 0 for no limit.",
        _count,
    ),
    Setting(
        "throttle.logins_per_user_and_address",
        "Wrong passwords allowed per minute for one user and address; 0 for no limit.",
        _count,
    ),
    Setting(
        "throttle.logins_per_user",
        "Wrong passwords allowed per minute for one user from anywhere; 0 for no limit.",
        _count,
    ),
    Setting(
        "throttle.logins_per_address",
        "Wrong passwords allowed per minute from one address; 0 for no limit.",
        _count,
    ),
    Setting(
        "grants.implicit", "Whether clients registered for the implicit grant get tokens.", _switch
    ),
    Setting(
        "grants.password", "Whether clients registered for the password grant get tokens.", _switch
    ),
    Setting("tokens.refresh_days", "Days for which a refresh token may lie unused.", _days),
    Setting(
        "tokens.audience",
        "A resource server that JWT access tokens of every organisation name as their audience, "
        "besides their own organisation.",
        _audience,
    ),
    Setting(
        "keys.jwt_rotation_days",
        "Days for which a key signs JWT access tokens before the next one does.",
        _days,
    ),
    Setting(
        "keys.jwt_publish_minutes",
        "Minutes for which a key of JWT access tokens is published before it signs, 70 to 1440.",
        _publish_minutes,
    ),
    Setting(
        "limits.requests_per_client",
        "API requests allowed per minute for one client, on each machine; 0 for no limit.",
        _count,
    ),
    Setting(
        "limits.requests_per_organization",
        "API requests allowed per minute for one organisation, on each machine; 0 for no limit.",
        _count,
    ),
    Setting("passwords.min_length", "How many characters a password must have, 8 to 64.", _length),
    Setting(
        "audit.refusals_days", "Days for which refused token requests stay in the store.", _days
    ),
    Setting(
        "metrics.allowed_networks",
        "Addresses or networks, separated by commas, that may read /metrics; none for nobody.",
        _networks_or_none,
    ),
    Setting(
        "metrics.token_file",
        "A file with the bearer token that /metrics asks for besides; by default it asks for none.",
        _path,
    ),
)
_LISTS: Final = ("trusted_proxies", "http.cors_origins", "metrics.allowed_networks")
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}


class Loaded(msgspec.Struct, frozen=True):
    """The effective settings, and what a person should be warned of."""

    settings: Settings
    warnings: tuple[str, ...]


def load_settings(
    flags: Mapping[str, Any], environment: Mapping[str, str], config: Path | None = None
) -> Loaded:
    """Gathers the settings.

    Args:
        flags: values given on the command line, by setting name; None is not given.
        environment: the process's variables.
        config: the TOML file; by default what ``GRANTORY_CONFIG`` names, if anything.

    Raises:
        SetupError: for a bad value or an unknown name in the file, naming it.
    """
    named = environment.get("GRANTORY_CONFIG")
    path = config or (Path(named) if named else None)
    values = _from_file(path) if path else {}
    providers = values.pop(TABLES, ())
    found, warnings = _from_environment(environment)
    values |= found
    for name, value in flags.items():
        if value is not None:
            setting = _BY_NAME[name]
            flag = setting.flag or "--" + setting.field.replace("_", "-")
            values[name] = _read(setting, str(value), flag)
    fields = {_BY_NAME[name].field: value for name, value in values.items()}
    settings = Settings(**fields, identity_providers=providers)
    audience = f"{settings.tokens_audience.lower()}/"
    if settings.public_url and audience.startswith(f"{settings.public_url}/"):
        raise SetupError(
            "tokens.audience must not begin with public_url: there are the audiences that tell "
            "organisations apart"
        )
    return Loaded(settings, warnings)


def _read(setting: Setting, text: str, source: str) -> Any:
    try:
        return setting.read(text)
    except ValueError as error:
        raise SetupError(f"{source} {error}") from None


def _from_environment(environment: Mapping[str, str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    by_variable = {setting.variable: setting for setting in SETTINGS}
    values: dict[str, Any] = {}
    warnings = []
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable in CLIENT_VARIABLES:
            continue
        setting = by_variable.get(variable)
        text = environment[variable]
        injected = _PLATFORM.fullmatch(variable) or text.startswith(("tcp://", "udp://"))
        if injected and not (setting and setting.name != "port"):
            continue
        if setting is None:
            warnings.append(f"unknown variable {variable}{_nearest(variable, by_variable)}")
        elif text:  # an empty variable is one that was not set
            values[setting.name] = _read(setting, text, variable)
    return values, tuple(warnings)


def _from_file(path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 -- only where there is a file

    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} is not valid TOML: {error}") from None
    values: dict[str, Any] = {}
    if TABLES in document:
        values[TABLES] = read_tables(document.pop(TABLES), path)
    for name, value in _flattened(document, ""):
        setting = _BY_NAME.get(name)
        if setting is None:
            raise SetupError(f"{path}: unknown setting {name}{_nearest(name, _BY_NAME)}")
        if isinstance(value, list) and setting.name not in _LISTS:
            raise SetupError(f"{path}: {name} must be a single value")
        listed = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        values[name] = _read(setting, listed, f"{path}: {name}")
    return values


def _flattened(table: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, dict):
            flat += _flattened(value, f"{prefix}{key}.")
        else:
            flat.append((f"{prefix}{key}", value))
    return flat


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, 1, 0.5)
    return f"; did you mean {close[0]}?" if close else ""


def effective(settings: Settings) -> dict[str, Any]:
    """Lists the effective values by setting name, secrets masked."""
    shown = {}
    for setting in SETTINGS:
        value = getattr(settings, setting.field)
        if setting.secret and value:
            value = "****"
        elif isinstance(value, Path):
            value = os.fspath(value)
        elif setting.name == "database_url":
            value = re.sub(r"//([^/@:]*):.*@", r"//\1:****@", value)
            value = re.sub(r"(password=)[^&]*", r"\1****", value, flags=re.IGNORECASE)
        shown[setting.name] = list(value) if isinstance(value, tuple) else value
    if settings.identity_providers:
        shown[TABLES] = [
            {"organization": each.organization, "name": each.draft.name}
            for each in settings.identity_providers
        ]
    return shown
