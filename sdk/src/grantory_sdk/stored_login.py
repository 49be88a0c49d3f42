"""A login that a profile keeps, and that several programs go on with."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import quote

from grantory_sdk.errors import ConfigurationError, LoginFailed
from grantory_sdk.file_lock import FileLock
from grantory_sdk.masking import shown
from grantory_sdk.models.tokens import TokenAnswer
from grantory_sdk.profile_writing import change_profile, check_writable
from grantory_sdk.profiles import read_profile
from grantory_sdk.token_sources import RefreshToken, TokenRequest

AHEAD: Final = 10.0
"""Seconds before its end at which a kept access token is not used any more."""
LONGEST_WAIT: Final = 180.0
"""Seconds that the renewal of another program may take, with all its tries."""


class StoredLogin:
    """Goes on with a login that a profile keeps.

    The profile keeps the access token, too, so that a program that ends soon asks for none. A
    refresh token is good for one use: a second one ends the login. A lock beside the file sees to
    it that one program renews, and the others take what it got.

    Args:
        path: the file with profiles.
        profile: the name of the profile.
        clock: seconds since 1970 (UTC).
        wait_seconds: how long to wait for another program's renewal.
    """

    def __init__(
        self,
        path: Path,
        profile: str,
        *,
        clock: Callable[[], float] = time.time,
        wait_seconds: float = LONGEST_WAIT,
    ) -> None:
        values = read_profile(path, profile)
        if not values.get("client_id"):
            raise ConfigurationError(f"{path}, profile {profile}: client_id is missing.")
        self.client_id: str = values["client_id"]
        self.client_secret: str | None = values.get("client_secret")
        self._path = path
        self._profile = profile
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._given = ""
        self._used = ""
        self._mutex = threading.Lock()
        self._lock: FileLock | None = None
        self._given_up = threading.Event()

    @property
    def waits_for_people(self) -> bool:
        """It may wait for another program."""
        return True

    def request(self, login_url: str) -> TokenRequest | TokenAnswer:
        """Asks with the refresh token, unless the profile holds a token that is good and new.

        Raises:
            LoginFailed: if the profile holds neither, or another program does not come to an end.
            ConfigurationError: if what is got could not be kept.
        """
        self.hold()
        values = read_profile(self._path, self._profile)
        left = _seconds(values.get("access_token_expires")) - self._clock()
        token = values.get("access_token", "")
        if token and token != self._given and left > AHEAD:
            self._given = token
            return TokenAnswer(access_token=token, expires_in=left)
        refresh_token = values.get("refresh_token")
        if not refresh_token:
            raise LoginFailed(
                f"The login of the profile {self._profile} has ended: log in again with "
                f"grantory login --profile {self._profile}."
            )
        check_writable(self._path)
        self._used = refresh_token
        source = RefreshToken(self.client_id, self.client_secret, refresh_token)
        return source.request(login_url)

    def accept(self, answer: TokenAnswer) -> None:
        """Keeps what came, unless somebody has logged in anew meanwhile."""
        self._given = answer.access_token
        change_profile(
            self._path,
            self._profile,
            values_of(answer, self._clock(), self._used),
            only_if={"refresh_token": self._used},
        )

    def refused(self) -> bool:
        """No: the same would be refused again."""
        return False

    def settled(self) -> None:
        """Lets the next program renew."""
        with self._mutex:
            lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def give_up(self) -> None:
        """Ends the wait for another program."""
        with self._mutex:
            self._given_up.set()

    def hold(self) -> None:
        """Keeps other programs from renewing, until ``settled``.

        Raises:
            LoginFailed: if another one does not come to an end.
        """
        with self._mutex:
            if self._lock is not None:
                return
            self._given_up = given_up = threading.Event()
        name = f"{self._path.name}.{quote(self._profile, safe='')}.lock"
        lock = FileLock(self._path.with_name(name))
        if not lock.take(self._wait_seconds, given_up=given_up):
            raise LoginFailed("Another program has begun to renew the login, and does not end.")
        with self._mutex:
            if not given_up.is_set():
                self._lock = lock
                return
        lock.release()
        raise LoginFailed("The wait for another program was given up.")

    def __repr__(self) -> str:
        fields = {"profile": self._profile, "client_id": self.client_id}
        return shown("StoredLogin", fields)


def values_of(
    answer: TokenAnswer, now: float, refresh_token: str | None = None
) -> dict[str, str | None]:
    """What a profile keeps of an answer.

    Args:
        answer: of the token endpoint.
        now: seconds since 1970 (UTC).
        refresh_token: what stays where there is no new one.
    """
    end = now + (answer.expires_in or 0)
    return {
        "refresh_token": answer.refresh_token or refresh_token or None,
        "access_token": answer.access_token,
        "access_token_expires": datetime.fromtimestamp(end, UTC).isoformat(timespec="seconds"),
    }


def _seconds(text: str | None) -> float:
    """A time of a profile as seconds since 1970; the beginning where it is none."""
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return 0.0
    return moment.timestamp() if moment.tzinfo is not None else 0.0
