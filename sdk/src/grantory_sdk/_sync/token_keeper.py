# Derived from _async/token_keeper.py by tools/derive_sdk.py: change it there.
"""Keeps the access token, and has it renewed in time by one request for all."""

from typing import NamedTuple

from grantory_sdk._sync.runtime import Lock, Runtime, apart, to_the_end
from grantory_sdk._sync.token_endpoint import TokenEndpoint
from grantory_sdk.errors import GrantoryError, TokenRefused
from grantory_sdk.masking import shown
from grantory_sdk.models.tokens import TokenAnswer
from grantory_sdk.token_sources import AccessToken, Auth, TokenRequest, TokenSource

MOST_AHEAD = 60.0
MOST_AHEAD_OF_PEOPLE = 5.0
SHARE_AHEAD = 0.1
NEXT_EARLY_TRY = 5.0


class _Kept(NamedTuple):
    text: str
    renew_at: float
    expires_at: float

    def __repr__(self) -> str:
        times = {"renew_at": self.renew_at, "expires_at": self.expires_at}
        return shown("_Kept", {"access_token": self.text, **times})


class TokenKeeper:
    """The token of a client.

    A renewal begins when a tenth of the token's time is left, at most a minute. While it is on
    its way, calls go on with the old token as long as that is good, and wait for the new one after
    that. Those who waited for a renewal that failed are told of its failure, and do not each ask
    again.

    Args:
        auth: where tokens come from.
        endpoint: is asked for them.
        runtime: time and chance.
    """

    def __init__(self, auth: Auth, endpoint: TokenEndpoint, runtime: Runtime) -> None:
        self.auth = auth
        self.endpoint = endpoint
        self._runtime = runtime
        self._lock = Lock()
        self._kept = _Kept("", 0.0, 0.0)
        self._failure: GrantoryError | None = None
        self._failures = 0
        self._next_early_try = 0.0

    @property
    def renews(self) -> bool:
        """Whether there can be another token than the one that there is."""
        return not isinstance(self.auth, AccessToken)

    def get(self, instead_of: str = "") -> str:
        """A token that is good, as far as can be told from here.

        Args:
            instead_of: one that was refused.

        Raises:
            TokenRefused: if the token endpoint gives none.
            LoginFailed: if somebody was to log in and did not.
            ConnectionFailed: if it does not answer.
        """
        if isinstance(self.auth, AccessToken):
            return self.auth.access_token
        now, kept = self._runtime.clock(), self._kept
        if kept.text != instead_of and now < kept.renew_at:
            return kept.text
        good = kept.text != instead_of and now < kept.expires_at
        if good and (self._lock.locked() or now < self._next_early_try):
            return kept.text
        failures = self._failures
        with self._lock:
            if self._kept is not kept and self._kept.text != instead_of:
                return self._kept.text
            if self._failure is not None and self._failures != failures:
                if good:
                    return kept.text
                raise self._failure.with_traceback(None)
            try:
                self._renew(self.auth)
            except GrantoryError as error:
                self._failure = error
                self._failures += 1
                self._next_early_try = now + NEXT_EARLY_TRY
                if good:
                    return kept.text
                raise
            self._failure = None
            return self._kept.text

    def _renew(self, source: TokenSource) -> None:
        try:
            self._exchange(source, self._request(source))
        except TokenRefused as refused:
            if refused.code != "invalid_grant" or not source.refused():
                raise
            self._exchange(source, self._request(source))
        finally:
            source.settled()

    def _exchange(self, source: TokenSource, request: TokenRequest | TokenAnswer) -> None:
        began = self._runtime.clock()
        if isinstance(request, TokenAnswer):
            self._kept = _kept(request, began, source)
            return

        def keep(answer: TokenAnswer) -> None:
            source.accept(answer)
            self._kept = _kept(answer, began, source)

        if request.counts_once:
            to_the_end(lambda: self.endpoint.ask(request), keep)
        else:
            keep(self.endpoint.ask(request))

    def _request(self, source: TokenSource) -> TokenRequest | TokenAnswer:
        if not source.waits_for_people:
            return source.request(self.endpoint.login_url)
        return apart(lambda: source.request(self.endpoint.login_url), source.give_up)


def _kept(answer: TokenAnswer, began: float, source: TokenSource) -> _Kept:
    if answer.expires_in is None:
        return _Kept(answer.access_token, float("inf"), float("inf"))
    most = MOST_AHEAD_OF_PEOPLE if source.waits_for_people else MOST_AHEAD
    expires_at = began + answer.expires_in
    ahead = min(most, answer.expires_in * SHARE_AHEAD)
    return _Kept(answer.access_token, expires_at - ahead, expires_at)
