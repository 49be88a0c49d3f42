"""Telling by e-mail address and password who somebody is, at an even pace for right and wrong."""

from typing import Final

from grantory.domain.organization import User, UserState, normal_email
from grantory.errors import GrantoryError
from grantory.ports.runtime import PasswordHasher
from grantory.ports.storage import Snapshot, Store
from grantory.protocol.throttle import FailureThrottle

MAX_EMAIL: Final = 254
MAX_PASSWORD: Final = 1_024
"""Characters of what is looked at at all; passwords are shorter."""


class LoginRefused(GrantoryError):
    """Somebody is not who they say, or has tried too often; the same for any wrong part.

    Args:
        retry_after: whole seconds, where it was too often.
    """

    def __init__(self, retry_after: int | None = None) -> None:
        super().__init__("too many attempts" if retry_after else "wrong e-mail address or password")
        self.retry_after = retry_after


class PeopleAuthenticator:
    """Tells which user of an organisation somebody is.

    Args:
        store: holds the users.
        passwords: compares them.
        throttle: counts failures by user and address.
    """

    def __init__(self, store: Store, passwords: PasswordHasher, throttle: FailureThrottle) -> None:
        self._store = store
        self._passwords = passwords
        self._throttle = throttle

    async def authenticate(
        self, organization_id: str, email: str, password: str, address: str
    ) -> User:
        """Returns the active user with this e-mail address and password.

        Args:
            organization_id: whose user it is to be.
            email: in whatever case.
            password: as it was typed.
            address: the caller's network address.

        Raises:
            LoginRefused: otherwise, whatever is wrong; also after too many failures.
            ApiError: 503 when too many log in at once.
        """
        name = f"{organization_id} {normal_email(email[:MAX_EMAIL])}"
        wait = self._throttle.wait_seconds(name, address)
        if wait is not None:
            raise LoginRefused(wait)
        # Counted before it is compared: those who ask at the same time are not to get past.
        self._throttle.failed(name, address)
        found = await self._store.read(lambda snapshot: _find(snapshot, organization_id, email))
        user, digest = found or (None, None)
        fits = await self._passwords.verify(password[:MAX_PASSWORD], digest)
        too_long = len(password) > MAX_PASSWORD
        if not fits or too_long or user is None or user.state is not UserState.ACTIVE:
            raise LoginRefused
        self._throttle.forgiven(name, address)
        return user


def _find(snapshot: Snapshot, organization_id: str, email: str) -> tuple[User, str | None] | None:
    fits = len(email) <= MAX_EMAIL and "\x00" not in email
    return snapshot.users.credentials(organization_id, email if fits else "")
