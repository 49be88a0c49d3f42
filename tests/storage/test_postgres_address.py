"""Addresses of PostgreSQL databases: what they mean, and that they keep their password."""

import os
import traceback
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import asyncpg.connect_utils
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


def as_the_driver_reads(url: str) -> tuple[Any, Any, Any, Any]:
    """Where the driver goes by an address for one host: there, as whom, with what, to which."""
    names = "host port user password passfile database service servicefile direct_tls"
    names += " server_settings target_session_attrs krbsrvname gsslib"
    none: dict[str, Any] = dict.fromkeys(names.split())
    with patch.dict(os.environ, {"PGUSER": "nobody"}, clear=True):
        where, found = asyncpg.connect_utils._parse_connect_dsn_and_args(
            dsn=url, ssl="disable", **none
        )
    assert found.server_settings is None  # nothing was left over
    return where[0], found.user, found.password, found.database


def driven(url: str) -> list[Any]:
    """Where the driver goes by each of an address's hosts."""
    return [as_the_driver_reads(one)[0] for one in read_address(url).hosts]


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
    NAMES | PASSWORDS,
    PASSWORDS,
    PASSWORDS,
)
def test_the_driver_is_led_to_every_host(
    hosts: list[tuple[str, int | None]], database: str, user: str, password: str
) -> None:
    listed = ",".join(host if port is None else f"{host}:{port}" for host, port in hosts)
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    urls = read_address(f"postgresql://{login}@{listed}/{quote(database, safe='')}").hosts
    assert [as_the_driver_reads(url) for url in urls] == [
        ((host.strip("[]"), port or 5432), user, password, database) for host, port in hosts
    ]


@given(st.lists(st.tuples(HOSTS, PORTS), min_size=1, max_size=4), st.booleans())
def test_hosts_may_be_options(hosts: list[tuple[str, int]], brackets: bool) -> None:
    names = ",".join(host if brackets else host.strip("[]") for host, _ in hosts)
    ports = ",".join(str(port) for _, port in hosts)
    listed = ",".join(f"{host}:{port}" for host, port in hosts)
    as_options = read_address(f"postgresql:///grantory?host={names}&port={ports}")
    assert as_options == read_address(f"postgresql://{listed}/grantory")
    one_port = read_address(f"postgresql:///grantory?host={names}&port=7")
    assert all(as_the_driver_reads(url)[0][1] == 7 for url in one_port.hosts)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("postgresql://h:1/db?host=a,b", [("a", 1), ("b", 1)]),
        ("postgresql://one:5432,two/db?port=6", [("one", 6), ("two", 6)]),
        ("postgresql://one:1,two/db?port=6,7", [("one", 6), ("two", 7)]),
        ("postgresql://one,two:7/db", [("one", 5432), ("two", 7)]),
        ("postgresql://one,two:/db", [("one", 5432), ("two", 5432)]),
        ("postgresql://one/db?host=::1&port=6", [("::1", 6)]),
        ("postgresql://one:5432,[::1]:5433/db", [("one", 5432), ("::1", 5433)]),
        ("postgresql://[::1],[::2]/db", [("::1", 5432), ("::2", 5432)]),
        ("postgresql://[fe80::1%25eth0]:6/db", [("fe80::1%eth0", 6)]),
        ("postgresql://%6Fne:5433/db", [("one", 5433)]),
        ("postgresql://%2Frun%2Fpg:6,two/db", ["/run/pg/.s.PGSQL.6", ("two", 5432)]),
        ("postgresql://one?dbname=db", [("one", 5432)]),
    ],
)
def test_hosts_and_ports_are_paired_as_libpq_does(url: str, where: list[Any]) -> None:
    assert driven(url) == where


def test_the_environment_s_port_holds_where_no_port_is_named() -> None:
    assert read_address("postgresql://one/db").hosts == ("postgresql://one/db",)
    assert read_address("postgresql://one,two/db").hosts[0] == "postgresql://one:5432/db"


def test_options_outweigh_what_stands_before_them() -> None:
    url = "postgresql://me:pw@host/db?user=a%40b&password=x+y%3D&dbname=a%3Fb"
    assert as_the_driver_reads(read_address(url).hosts[0])[1:] == ("a@b", "x+y=", "a?b")
    assert read_address(url).shown == "postgresql://a%40b@host/a%3Fb"


def test_what_follows_the_first_slash_is_the_database() -> None:
    (url,) = read_address("postgresql://me@host//a/b").hosts
    assert as_the_driver_reads(url)[3] == "/a/b"


def test_a_local_socket_is_a_folder() -> None:
    address = read_address("postgresql://me:pw@/grantory?host=/run/postgresql,/tmp&port=5433,5434")
    assert address.shown == "postgresql://me@/run/postgresql:5433,/tmp:5434/grantory"
    assert [as_the_driver_reads(url) for url in address.hosts] == [
        ("/run/postgresql/.s.PGSQL.5433", "me", "pw", "grantory"),
        ("/tmp/.s.PGSQL.5434", "me", "pw", "grantory"),
    ]
    plain = "postgresql:///grantory?host=/run/postgresql&sslmode=disable"
    assert driven(plain) == ["/run/postgresql/.s.PGSQL.5432"]
    assert driven("postgresql://:5433/grantory") == ["/run/postgresql/.s.PGSQL.5433"]


def test_options_are_handed_on_left_aside_or_refused() -> None:
    url = "postgresql://host/grantory?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    ours = "&connect_timeout=3&application_name=x&keepalives=1"
    nothing = "&channel_binding=prefer&gssencmode=disable&sslcertmode=allow&options="
    address = read_address(url + ours + nothing)
    assert address.hosts == (url.replace("/etc/ca.pem", "%2Fetc%2Fca.pem"),)
    assert read_address("postgresql://host/?dbname=other").shown == "postgresql://host/other"
    jdbc = read_address("postgresql://host/db?ssl=true")
    assert jdbc.hosts == ("postgresql://host/db?sslmode=require",)
    with pytest.raises(SetupError, match=r": sslmod$"):
        read_address("postgresql://host/grantory?sslmod=require")


@pytest.mark.parametrize(
    "option",
    [
        *("channel_binding=require", "gssencmode=require", "require_auth=scram-sha-256"),
        *("service=x", "servicefile=/x", "options=-c%20geqo%3Doff", "hostaddr=127.0.0.1"),
        *("sslsni=0", "krbsrvname=x", "gsslib=gssapi", "gssdelegation=1", "replication=database"),
        *("requirepeer=postgres", "sslcertmode=require", "sslcrldir=/x", "sslrootcert=system"),
        *("sslmode=verify_full", "sslmode=parse"),
    ],
)
def test_an_option_that_the_driver_cannot_honour_is_refused_by_name(option: str) -> None:
    name, _, _value = option.partition("=")
    with pytest.raises(
        SetupError, match=rf"{name}.* in the database address .*: \w|{name}.*one of"
    ):
        read_address(f"postgresql://host/grantory?{option}")


@pytest.mark.parametrize("target", TARGETS)
def test_a_server_that_takes_writes_may_be_asked_for(target: str) -> None:
    for hosts in ("one", "one,two"):
        plain = f"postgresql://{hosts}/grantory"
        assert read_address(f"{plain}?target_session_attrs={target}") == read_address(plain)


@pytest.mark.parametrize("target", ["standby", "prefer-standby", "read-only", "x"])
def test_a_server_that_only_reads_may_not(target: str) -> None:
    with pytest.raises(SetupError, match=r"read-write, primary, any, or be left out: .*only reads"):
        read_address(f"postgresql://host/grantory?target_session_attrs={target}")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "must begin with"),
        ("mysql://host/grantory", "must begin with"),
        ("postgresql:host", "must begin with"),
        ("postgresql://host:0/grantory", "host 1 of"),
        ("postgresql://host:65536/grantory", "host 1 of"),
        ("postgresql://one,two:x/grantory", "host 2 of"),
        ("postgresql://one,bad host/grantory", "host 2 of"),
        ("postgresql://one,,two/grantory", "host 2 of"),
        ("postgresql://one,two,/grantory", "host 3 of"),
        ("postgresql://one..two/grantory", "host 1 of"),
        (f"postgresql://{'h' * 64}/grantory", "host 1 of"),
        ("postgresql://::1/grantory", "host 1 of"),
        ("postgresql://[::1/grantory", "host 1 of"),
        ("postgresql://[one/grantory", "host 1 of"),
        ("postgresql://[::1]x/grantory", "host 1 of"),
        ("postgresql://[1::2::3]/grantory", "host 1 of"),
        ("postgresql:///grantory?host=one:5432", "which the option port names"),
        ("postgresql:///grantory?host=%40abstract", "abstract socket"),
        ("postgresql://one,%40abstract/grantory", "host 2 .* abstract socket"),
        ("postgresql://host/grantory#part", "cannot be read"),
        ("postgresql://me:p/w@host/grantory", "cannot be read"),
        ("postgresql://me:p?w@host/grantory", "cannot be read"),
        ("postgresql://me:p#w@host/grantory", "cannot be read"),
        ("postgresql://me:p@w@host/grantory", "cannot be read"),
        ("postgresql://me:100%@host/grantory", "cannot be read"),
        ("postgresql://me:%00@host/grantory", "cannot be read"),
        ("postgresql://me:%FF@host/grantory", "cannot be read"),
        ("postgresql://me:\udc80@host/grantory", "cannot be read"),
        ("postgresql://me:p\nw@host/grantory", "cannot be read"),
        ("postgresql://host/grantory?sslmode", "must be name=value"),
        ("postgresql://host/grantory?password=a=b", "must be name=value"),
        ("postgresql:///grantory?host=one,two&port=1,2,3", "one port, or one for each host"),
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
    assert plain == PostgresAddress(("postgresql://host/grantory",), plain.shown)
