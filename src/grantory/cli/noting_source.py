"""A way to a token that lets see what the token endpoint answered."""

from contextlib import ExitStack

from grantory.cli.uninterrupted import uninterrupted
from grantory_sdk import TokenSource
from grantory_sdk.models.tokens import TokenAnswer
from grantory_sdk.token_sources import TokenRequest


class NotingSource:
    """Does what another source does, and notes the newest answer.

    While a code or the like is exchanged, Ctrl-C waits for the answer, and says so: what the
    exchange makes at the server can be ended only by who knows it.

    Args:
        source: the other one.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self.answer: TokenAnswer | None = None
        self._exchange = ExitStack()

    @property
    def waits_for_people(self) -> bool:
        """As the other one."""
        return self._source.waits_for_people

    def request(self, login_url: str) -> TokenRequest | TokenAnswer:
        """As the other one."""
        made = self._source.request(login_url)
        if isinstance(made, TokenAnswer):
            self.answer = made
        elif made.counts_once:
            self._exchange.enter_context(uninterrupted())
            return _Uninterrupted(made.form, made.client_id, made.client_secret)
        return made

    def accept(self, answer: TokenAnswer) -> None:
        """As the other one, and notes the answer."""
        self.answer = answer
        self._source.accept(answer)

    def refused(self) -> bool:
        """As the other one."""
        return self._source.refused()

    def settled(self) -> None:
        """As the other one.

        Raises:
            KeyboardInterrupt: if somebody asked for it during the exchange.
        """
        try:
            self._source.settled()
        finally:
            self._exchange.close()

    def give_up(self) -> None:
        """As the other one."""
        self._source.give_up()


class _Uninterrupted(TokenRequest):
    """A request for whose answer the SDK need not take care, since ``uninterrupted`` does."""

    @property
    def counts_once(self) -> bool:
        return False
