"""The file with profiles is changed whole or not at all, and what people wrote in it stays."""

import os
import threading
import tomllib
from pathlib import Path

import pytest

from grantory_sdk import ConfigurationError
from grantory_sdk.file_lock import FileLock, held
from grantory_sdk.profile_writing import (
    change_profile,
    check_writable,
    choose_profile,
    remove_profile,
)
from grantory_sdk.profiles import default_profile, profile_names, read_profile

BY_HAND = """\
# Mine.
default = "local"  # at home

[profiles.local]
url = "http://127.0.0.1:8080"  # make serve
client_id = "a"

# The cloud.
[profiles.cloud]
region = "eu-central-1"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "profiles.toml"


def by_hand(file: Path, text: str = BY_HAND) -> None:
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)


def test_the_first_profile_is_made_and_is_the_default(file: Path) -> None:
    assert change_profile(file, "local", {"url": "http://127.0.0.1:8080", "client_id": 'a"\\é😀'})
    assert read_profile(file)["client_id"] == 'a"\\é😀'
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o077 == 0
    change_profile(file, "cloud", {"region": "eu-central-1"})
    names = {"GRANTORY_PROFILES_FILE": str(file)}
    assert (default_profile(names), profile_names(names)) == ("local", ["local", "cloud"])
    assert {each.name for each in file.parent.iterdir()} == {"profiles.toml", "profiles.toml.lock"}


def test_what_a_person_wrote_stays(file: Path) -> None:
    by_hand(file)
    change_profile(file, "local", {"refresh_token": "r1", "access_token": "t1"})
    change_profile(file, "local", {"refresh_token": "r2", "access_token": None})
    choose_profile(file, "cloud")
    assert file.read_text("utf-8") == BY_HAND.replace(
        'default = "local"  # at home', 'default = "cloud"'
    ).replace('client_id = "a"\n', 'client_id = "a"\nrefresh_token = "r2"\n')
    remove_profile(file, "cloud")
    assert "default" not in tomllib.loads(file.read_text("utf-8"))
    assert read_profile(file, "local")["refresh_token"] == "r2"


@pytest.mark.parametrize(
    "text",
    [
        "profiles.local = {url = 'http://127.0.0.1', client_id = 'a'}\n",
        "[profiles]\nlocal.url = 'http://127.0.0.1'\nlocal.client_id = 'a'\n",
        "[profiles.local]\nurl = 'http://127.0.0.1'\nclient_id = '''\na'''\n",
        "[profiles.'local']\nurl = 'http://127.0.0.1'\nclient_id = 'a'",
    ],
)
def test_other_spellings_are_understood(file: Path, text: str) -> None:
    by_hand(file, text)
    change_profile(file, "local", {"client_id": "b"})
    assert read_profile(file, "local") == {"url": "http://127.0.0.1", "client_id": "b"}


def test_what_cannot_be_changed_is_left_as_it_is(file: Path) -> None:
    text = "other = 1\n[profiles]\nlocal.url = 'http://127.0.0.1'\n"
    by_hand(file, text)
    with pytest.raises(ConfigurationError, match="only you can change"):
        change_profile(file, "local", {"url": "http://127.0.0.2"})
    assert file.read_text("utf-8") == text


def test_wrong_names_and_values_are_refused(file: Path) -> None:
    for name, changes in (
        ("a b", {"url": "http://127.0.0.1"}),
        ("a", {"adress": "http://127.0.0.1"}),
        ("a", {"client_secret": "two\nlines"}),
        ("a", {"client_secret": ""}),
    ):
        with pytest.raises(ConfigurationError) as caught:
            change_profile(file, name, changes)
        assert "two" not in str(caught.value)
    for change in (remove_profile, choose_profile):
        with pytest.raises(ConfigurationError, match="no profile 'x'"):
            change(file, "x")
    assert not file.exists()


def test_a_change_is_made_only_if_nothing_else_was(file: Path) -> None:
    change_profile(file, "a", {"refresh_token": "r1"})
    assert not change_profile(file, "a", {"refresh_token": "r3"}, only_if={"refresh_token": "r2"})
    assert change_profile(file, "a", {"refresh_token": "r2"}, only_if={"refresh_token": "r1"})
    assert read_profile(file, "a") == {"refresh_token": "r2"}


def test_a_link_stays_one(file: Path, tmp_path: Path) -> None:
    by_hand(file)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    change_profile(link, "local", {"client_id": "b"})
    assert link.is_symlink()
    assert read_profile(file, "local")["client_id"] == "b"


def test_a_failed_write_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand(file)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match="No space left"):
        change_profile(file, "local", {"client_id": "b"})
    assert file.read_text("utf-8") == BY_HAND
    assert {each.name for each in file.parent.iterdir()} == {"profiles.toml", "profiles.toml.lock"}


def test_many_who_write_at_once_lose_nothing(file: Path) -> None:
    def write(number: int) -> None:
        change_profile(file, f"p{number}", {"client_id": f"c{number}"})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {read_profile(file, f"p{n}")["client_id"] for n in range(12)} == {
        f"c{n}" for n in range(12)
    }


def test_a_lock_is_waited_for_and_given_up(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    given_up = threading.Event()
    given_up.set()
    with held(path, 1):
        other = FileLock(path)
        assert not other.take(60, given_up=given_up)
        assert not other.take(0)
        with pytest.raises(ConfigurationError, match="Another program"), held(path, 0):
            pass
    assert other.take(0)
    other.release()
    with pytest.raises(ConfigurationError, match="cannot be made"):
        FileLock(tmp_path / "missing" / "lock").take(0)
    check_writable(tmp_path / "profiles.toml")
    with pytest.raises(ConfigurationError, match="cannot be written to"):
        check_writable(tmp_path / "missing" / "profiles.toml")
