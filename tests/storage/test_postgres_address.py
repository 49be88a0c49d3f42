"""Addresses of PostgreSQL databases: what they mean, and that they keep their password."""

import traceback
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.errors import SetupError
from grantory.storage.postgres.address import MOST_HOSTS, TARGETS, PostgresAddress, read_address
from grantory.storage.postgres.database import PostgresDatabase

PASSWORDS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=5
).map("pw".__add__)
RAW = st.text(st.sampled_from("ab1@:/?#[]%&=,\u2100\uff20 ="), min_size=4, max_size=12)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
PORTS = st.integers(1, 65_535)
PLAIN_HOSTS = st.one_of(NAMES, st.ip_addresses(v=4).map(str))
HOSTS = st.one_of(PLAIN_HOSTS, st.ip_addresses(v=6).map("[{}]".format))


def shown_by(url: str) -> str:
    """All that a person sees of an address, be it good or bad."""
    try:
        address = read_address(url)
    except SetupError as error:
        return "".join(traceback.format_exception_only(error)) + f"{error!r} {error.__cause__}"
    return f"{address.shown} {address!r} {address} {PostgresDatabase(url).name}"


@given(NAMES, PASSWORDS, st.lists(HOSTS, min_size=1, max_size=MOST_HOSTS), NAMES)
def test_an_address_shows_all_but_its_password(
    user: str, password: str, hosts: list[str], database: str
) -> None:
    secret = quote(password, safe="")
    url = f"postgresql://{user}:{secret}@{','.join(hosts)}/{database}"
    shown = shown_by(url)
    assert shown.startswith(f"postgresql://{user}@{','.join(hosts)}/{database} ")
    assert secret not in shown.replace(database, "")
    in_query = f"postgresql://{','.join(hosts)}/{database}?user={user}&password={secret}"
    assert shown_by(in_query) == shown


@given(RAW)
def test_a_password_that_was_not_encoded_is_shown_neither(middle: str) -> None:
    """However it is taken apart: its marks are in nothing that is shown."""
    password = f"Secret1{middle}Secret2"
    for url in (
        f"postgresql://user:{password}@host/database",
        f"postgresql://user:{password}@host:5432,other/database?sslmode=require",
        f"postgresql://user:1234/{password}@host/database",
        f"postgresql://host/database?password={password}@x",
    ):
        assert "Secret" not in shown_by(url), url


@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    for url in (text, f"postgresql://{text}", f"postgresql://host/{text}"):
        assert shown_by(url)


@given(
    st.lists(st.tuples(HOSTS, st.none() | PORTS), min_size=1, max_size=MOST_HOSTS),
    NAMES,
    PASSWORDS,
)
def test_every_host_gets_an_address_of_its_own(
    hosts: list[tuple[str, int | None]], database: str, password: str
) -> None:
    listed = [host if port is None else f"{host}:{port}" for host, port in hosts]
    secret = quote(password, safe="")
    address = read_address(f"postgresql://me:{secret}@{','.join(listed)}/{database}")
    assert len(address.hosts) == len(hosts)
    for url, (host, port) in zip(address.hosts, hosts, strict=True):
        parts = urlsplit(url)
        assert parts.hostname == host.strip("[]").lower()
        assert parts.port == port
        assert (parts.username, parts.password) == ("me", secret)
        assert parts.path == f"/{database}"
    assert address.target == "read-write"


@given(st.lists(st.tuples(PLAIN_HOSTS, PORTS), min_size=1, max_size=4))
def test_hosts_may_be_options(hosts: list[tuple[str, int]]) -> None:
    names = ",".join(host for host, _ in hosts)
    ports = ",".join(str(port) for _, port in hosts)
    listed = ",".join(f"{host}:{port}" for host, port in hosts)
    as_options = read_address(f"postgresql:///grantory?host={names}&port={ports}")
    assert as_options == read_address(f"postgresql://{listed}/grantory")
    one_port = read_address(f"postgresql:///grantory?host={names}&port=7")
    assert all(urlsplit(url).port == 7 for url in one_port.hosts)


def test_a_local_socket_is_a_folder() -> None:
    address = read_address("postgresql://me:pw@/grantory?host=/run/postgresql,/tmp&port=5433,5434")
    assert address.shown == "postgresql://me@/run/postgresql:5433,/tmp:5434/grantory"
    parts = [urlsplit(url) for url in address.hosts]
    assert [parse_qs(p.query) for p in parts] == [
        {"host": ["/run/postgresql"], "port": ["5433"]},
        {"host": ["/tmp"], "port": ["5434"]},
    ]
    assert {p.netloc for p in parts} == {"me:pw@"}
    plain = read_address("postgresql:///grantory?host=/run/postgresql&sslmode=disable")
    assert parse_qs(urlsplit(plain.hosts[0]).query) == {
        "host": ["/run/postgresql"],
        "port": ["5432"],
        "sslmode": ["disable"],
    }


def test_options_are_handed_on_left_aside_or_refused() -> None:
    url = "postgresql://host/grantory?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    ours = "&connect_timeout=3&application_name=x&keepalives=1"
    address = read_address(url + ours)
    assert address.hosts == (url.replace("/etc/ca.pem", "%2Fetc%2Fca.pem"),)
    assert read_address("postgresql://host/?dbname=other").shown == "postgresql://host/other"
    with pytest.raises(SetupError, match=r": sslmod$"):
        read_address("postgresql://host/grantory?sslmod=require")


@pytest.mark.parametrize("target", TARGETS)
def test_the_target_can_be_chosen(target: str) -> None:
    for hosts in ("one", "one,two"):
        url = f"postgresql://{hosts}/grantory?target_session_attrs={target}"
        assert read_address(url).target == target


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "must begin with"),
        ("mysql://host/grantory", "must begin with"),
        ("postgresql://host:0/grantory", "host 1 of"),
        ("postgresql://host:65536/grantory", "host 1 of"),
        ("postgresql://one,two:x/grantory", "host 2 of"),
        ("postgresql://one,two:/grantory", "host 2 of"),
        ("postgresql://one,bad host/grantory", "host 2 of"),
        ("postgresql://::1/grantory", "host 1 of"),
        ("postgresql://[::1/grantory", "cannot be read"),
        ("postgresql://host/grantory#part", "cannot be read"),
        ("postgresql://me:p/w@host/grantory", "cannot be read"),
        ("postgresql://me:p?w@host/grantory", "cannot be read"),
        ("postgresql://me:p#w@host/grantory", "cannot be read"),
        ("postgresql:///grantory?host=one,two&port=1,2,3", "one port, or one for each host"),
        ("postgresql://host/grantory?target_session_attrs=standby", "must be one of read-write"),
        (f"postgresql://{'h,' * MOST_HOSTS}h/grantory", "more than 16 hosts"),
    ],
)
def test_what_is_wrong_is_said(url: str, said: str) -> None:
    with pytest.raises(SetupError, match=said):
        read_address(url)


def test_the_older_scheme_and_a_driver_s_name_are_taken() -> None:
    plain = read_address("postgresql://host/grantory")
    assert read_address("postgres://host/grantory") == plain
    assert read_address("postgresql+asyncpg://host/grantory") == plain
    assert plain == PostgresAddress(("postgresql://host/grantory",), "read-write", plain.shown)
