"""Every setting: where its value may come from, and how it is told."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from grantory.errors import SetupError
from grantory.settings import SETTINGS, Setting, Settings, effective, load_settings

# For each setting: a text as a person writes it, and the value it stands for.
EXAMPLES: dict[str, tuple[str, Any]] = {
    "host": ("192.0.2.1", "192.0.2.1"),
    "port": ("9000", 9000),
    "workers": ("3", 3),
    "data_dir": ("elsewhere", Path("elsewhere")),
    "database_url": ("sqlite:///x.db", "sqlite:///x.db"),
    "public_url": ("https://auth.example.com/", "https://auth.example.com"),
    "trusted_proxies": ("192.0.2.0/24, 2001:db8::/32", ("192.0.2.0/24", "2001:db8::/32")),
    "master_key": ("some-key", "some-key"),
    "master_key_file": ("key.txt", Path("key.txt")),
    "http.api_prefix": ("/api", "/api"),
    "http.login_prefix": ("/a/b-c", "/a/b-c"),
    "http.cors_origins": (
        "https://app.example.com, http://localhost:3000",
        ("https://app.example.com", "http://localhost:3000"),
    ),
    "tls.cert": ("server.pem", Path("server.pem")),
    "tls.key": ("server.key", Path("server.key")),
    "tls.dev": ("grantory.localhost", "grantory.localhost"),
    "api.grant_type_style": ("underscore", "underscore"),
    "clients.delete_requires_inactive": ("true", True),
    "throttle.failures_per_client_and_address": ("7", 7),
    "throttle.failures_per_address": ("0", 0),
    "throttle.logins_per_user_and_address": ("5", 5),
    "throttle.logins_per_user": ("0", 0),
    "throttle.logins_per_address": ("50", 50),
    "grants.implicit": ("false", False),
    "grants.password": ("true", True),
    "tokens.refresh_days": ("90", 90),
    "tokens.audience": ("https://api.example.com/v1", "https://api.example.com/v1"),
    "keys.jwt_rotation_days": ("30", 30),
    "keys.jwt_publish_minutes": ("1440", 1440),
    "limits.requests_per_client": ("300", 300),
    "limits.requests_per_organization": ("3000", 3000),
    "passwords.min_length": ("15", 15),
    "audit.refusals_days": ("7", 7),
    "metrics.allowed_networks": ("10.0.0.0/8, 2001:db8::1", ("10.0.0.0/8", "2001:db8::1")),
    "metrics.token_file": ("metrics.token", Path("metrics.token")),
}
BAD = [
    *(("port", text) for text in ("-1", "65536", "x", "1.5", "0x10", "٣", "80 ")),
    *(("workers", text) for text in ("0", "257", "two")),
    *(("database_url", text) for text in ("mysql://x/y", "x.db", "sqlite://x.db")),
    *(("public_url", text) for text in ("auth.example.com", "ftp://x", "https://x/path", "//x")),
    *(
        ("public_url", text)
        for text in ("https://user@x", "https://x?q", "https://x#f", "https://")
    ),
    *(("trusted_proxies", text) for text in ("x", "192.0.2.0/33", "192.0.2.1/24", "*")),
    *(("http.api_prefix", text) for text in ("api", "/", "/api/", "//", "/a b", "/ä")),
    *(("http.login_prefix", text) for text in ("login", "/login?", "/../x#")),
    *(
        ("http.cors_origins", text)
        for text in ("*", "null", "app.example.com", "https://*.example.com", "https://a.example/")
    ),
    *(
        ("http.cors_origins", text)
        for text in ("https://A.example", "https://a.example:443", "https://a b", "https://a,x")
    ),
    *(("tls.dev", text) for text in ("True", "a..b", "-a", "a-", "127.0.0.1", "*.a", "a:1", "ä")),
    *(("tls.dev", text) for text in ("a" * 64, ".".join(["a" * 60] * 5), "a.", "a b")),
    *(("api.grant_type_style", text) for text in ("", "Hyphen", "dash")),
    *(("clients.delete_requires_inactive", text) for text in ("maybe", "2", "truE ")),
    *(("limits.requests_per_client", text) for text in ("-1", "1.5", "99999999999")),
    *(("tokens.audience", text) for text in ("api", "//x", "https:", "https://a b", "urn:a#b")),
    *(("tokens.audience", text) for text in ("urn:ä", "urn:" + "a" * 251)),
    *(("keys.jwt_rotation_days", text) for text in ("0", "367")),
    *(("keys.jwt_publish_minutes", text) for text in ("69", "1441")),
    *(("metrics.allowed_networks", text) for text in ("x", "10.0.0.0/33", "none,::1", "all")),
    *(("throttle.failures_per_address", text) for text in ("-1", "many", "99999999999")),
    *(("passwords.min_length", text) for text in ("7", "65", "long")),
    *(("audit.refusals_days", text) for text in ("0", "367", "a month")),
]
by_name = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)


def toml(setting: Setting, text: str) -> str:
    table, _, key = setting.name.rpartition(".")
    return (f"[{table}]\n" if table else "") + f'{key} = "{text}"\n'


def test_every_field_is_a_documented_setting_with_an_example() -> None:
    fields = {field.name for field in msgspec.structs.fields(Settings)}
    assert {setting.field for setting in SETTINGS} == fields - {"identity_providers"}
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS) == len(EXAMPLES)
    assert len({setting.variable for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.meaning.endswith(".")
        assert len(setting.meaning.split()) > 3


def test_without_any_source_the_defaults_hold() -> None:
    loaded = load_settings({}, {})
    assert msgspec.structs.asdict(loaded.settings) == msgspec.structs.asdict(Settings())
    assert loaded.warnings == ()
    assert (loaded.settings.host, loaded.settings.port) == ("127.0.0.1", 8080)


@by_name
def test_a_variable_sets_it(setting: Setting) -> None:
    text, value = EXAMPLES[setting.name]
    loaded = load_settings({}, {setting.variable: text})
    assert getattr(loaded.settings, setting.field) == value
    assert value != getattr(Settings(), setting.field)
    assert loaded.warnings == ()


@by_name
def test_a_variables_name_follows_from_the_settings(setting: Setting) -> None:
    assert setting.variable == "GRANTORY_" + setting.name.upper().replace(".", "_")


@by_name
def test_the_file_sets_it(setting: Setting, tmp_path: Path) -> None:
    text, value = EXAMPLES[setting.name]
    file = tmp_path / "grantory.toml"
    file.write_text(toml(setting, text))
    assert getattr(load_settings({}, {}, file).settings, setting.field) == value
    named = load_settings({}, {"GRANTORY_CONFIG": str(file)})
    assert getattr(named.settings, setting.field) == value
    assert named.warnings == ()


@by_name
def test_a_flag_wins_over_a_variable_and_a_variable_over_the_file(
    setting: Setting, tmp_path: Path
) -> None:
    text, value = EXAMPLES[setting.name]
    good_elsewhere = {
        "port": "1",
        "workers": "2",
        "database_url": "sqlite:///other.db",
        "public_url": "http://other",
        "trusted_proxies": "203.0.113.1",
        "http.api_prefix": "/other",
        "http.login_prefix": "/other",
        "http.cors_origins": "https://other.example",
        "api.grant_type_style": "hyphen",
        "clients.delete_requires_inactive": "false",
        "throttle.failures_per_client_and_address": "1",
        "throttle.failures_per_address": "1",
        "throttle.logins_per_user_and_address": "1",
        "throttle.logins_per_user": "1",
        "throttle.logins_per_address": "1",
        "grants.implicit": "true",
        "grants.password": "false",
        "tokens.refresh_days": "1",
        "tokens.audience": "urn:example:other",
        "keys.jwt_rotation_days": "1",
        "keys.jwt_publish_minutes": "70",
        "limits.requests_per_client": "1",
        "limits.requests_per_organization": "1",
        "passwords.min_length": "8",
        "audit.refusals_days": "1",
        "metrics.allowed_networks": "203.0.113.1",
    }
    other = good_elsewhere.get(setting.name, "other")
    file = tmp_path / "grantory.toml"
    file.write_text(toml(setting, other))
    from_variable = load_settings({}, {setting.variable: text}, file)
    assert getattr(from_variable.settings, setting.field) == value
    from_flag = load_settings({setting.name: text}, {setting.variable: other}, file)
    assert getattr(from_flag.settings, setting.field) == value
    not_given = load_settings({setting.name: None}, {setting.variable: text}, file)
    assert getattr(not_given.settings, setting.field) == value


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_is_refused_wherever_it_stands(name: str, text: str, tmp_path: Path) -> None:
    setting = next(setting for setting in SETTINGS if setting.name == name)
    if text:
        with pytest.raises(SetupError, match=setting.variable):
            load_settings({}, {setting.variable: text})
    file = tmp_path / "grantory.toml"
    file.write_text(toml(setting, text))
    with pytest.raises(SetupError, match=name):
        load_settings({}, {}, file)
    with pytest.raises(SetupError, match="--"):
        load_settings({name: text}, {})


@pytest.mark.parametrize("rest", ["", "/", "/organizations/an-id", "/ORGANIZATIONS"])
def test_an_audience_for_all_is_none_that_tells_organisations_apart(rest: str) -> None:
    ours = {"GRANTORY_PUBLIC_URL": "https://auth.example.com"}
    with pytest.raises(SetupError, match=r"tokens\.audience must not begin with public_url"):
        load_settings({}, {**ours, "GRANTORY_TOKENS_AUDIENCE": f"https://Auth.example.com{rest}"})
    for good in ("https://auth.example.com.au", "https://api.example.com/organizations", ""):
        load_settings({}, {**ours, "GRANTORY_TOKENS_AUDIENCE": good})


def test_the_file_takes_tomls_own_types(tmp_path: Path) -> None:
    file = tmp_path / "grantory.toml"
    file.write_text(
        "port = 9000\n"
        'trusted_proxies = ["192.0.2.1", "192.0.2.2"]\n'
        "[clients]\ndelete_requires_inactive = true\n"
        "[throttle]\nfailures_per_address = 5\n"
    )
    settings = load_settings({}, {}, file).settings
    assert settings.port == 9000
    assert settings.trusted_proxies == ("192.0.2.1", "192.0.2.2")
    assert settings.clients_delete_requires_inactive is True
    assert settings.throttle_failures_per_address == 5


@pytest.mark.parametrize(
    ("document", "nearest"),
    [
        ("prot = 1", "port"),
        ("[http]\napi_prefx = '/x'", "http.api_prefix"),
        ("[throttel]\nfailures_per_address = 1", "throttle.failures_per_address"),
        ("datadir = 'x'", "data_dir"),
    ],
)
def test_an_unknown_key_of_the_file_names_the_nearest(
    document: str, nearest: str, tmp_path: Path
) -> None:
    file = tmp_path / "grantory.toml"
    file.write_text(document)
    with pytest.raises(SetupError, match=f"did you mean {nearest}\\?"):
        load_settings({}, {}, file)


def test_an_unknown_key_that_is_near_nothing_is_refused_too(tmp_path: Path) -> None:
    file = tmp_path / "grantory.toml"
    file.write_text("zzzzzzzz = 1")
    with pytest.raises(SetupError, match="unknown setting zzzzzzzz"):
        load_settings({}, {}, file)


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_is_no_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "grantory.toml"
    file.write_bytes(content)
    with pytest.raises(SetupError, match="not valid TOML"):
        load_settings({}, {}, file)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot read"):
        load_settings({}, {}, tmp_path / "none.toml")


def test_an_unknown_variable_is_a_warning_that_names_the_nearest() -> None:
    loaded = load_settings({}, {"GRANTORY_PROT": "1", "GRANTORY_DATADIR": "x", "OTHER": "y"})
    assert loaded.settings.port == 8080
    assert loaded.warnings == (
        "unknown variable GRANTORY_DATADIR; did you mean GRANTORY_DATA_DIR?",
        "unknown variable GRANTORY_PROT; did you mean GRANTORY_PORT?",
    )


def test_what_a_container_platform_injects_is_ignored() -> None:
    injected = {
        "GRANTORY_PORT": "tcp://10.0.0.1:8080",
        "GRANTORY_PORT_8080_TCP": "tcp://10.0.0.1:8080",
        "GRANTORY_PORT_8080_TCP_ADDR": "10.0.0.1",
        "GRANTORY_PORT_8080_TCP_PORT": "8080",
        "GRANTORY_PORT_8080_TCP_PROTO": "tcp",
        "GRANTORY_SERVICE_HOST": "10.0.0.1",
        "GRANTORY_SERVICE_PORT": "8080",
        "GRANTORY_SERVICE_PORT_HTTP": "8080",
    }
    loaded = load_settings({}, {**injected, "GRANTORY_HOST": "192.0.2.1"})
    assert loaded.warnings == ()
    expected = msgspec.structs.replace(Settings(), host="192.0.2.1")
    assert msgspec.structs.asdict(loaded.settings) == msgspec.structs.asdict(expected)


def test_variables_of_the_client_commands_are_known() -> None:
    names = ("GRANTORY_URL", "GRANTORY_CLIENT_ID", "GRANTORY_CLIENT_SECRET")
    assert load_settings({}, dict.fromkeys(names, "x")).warnings == ()


@by_name
def test_an_empty_variable_is_never_a_value_that_surprises(setting: Setting) -> None:
    loaded = load_settings({}, {setting.variable: ""})
    default = getattr(Settings(), setting.field)
    assert getattr(loaded.settings, setting.field) == default


def test_secrets_are_masked_and_nothing_else_is() -> None:
    environment = {s.variable: EXAMPLES[s.name][0] for s in SETTINGS}
    settings = load_settings({}, environment).settings
    shown = effective(settings)
    assert list(shown) == [setting.name for setting in SETTINGS]
    assert shown["master_key"] == "****"
    assert "some-key" not in repr(shown)
    assert "some-key" not in repr(settings)
    assert shown["port"] == 9000
    assert shown["data_dir"] == "elsewhere"
    assert shown["trusted_proxies"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert effective(Settings())["master_key"] == ""


def test_a_password_in_an_address_is_masked() -> None:
    address = "postgresql://grantory:hidden@db.example/x"
    shown = effective(msgspec.structs.replace(Settings(), database_url=address))
    assert shown["database_url"] == "postgresql://grantory:****@db.example/x"
