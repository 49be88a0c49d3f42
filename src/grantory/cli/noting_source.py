"""A way to a token that lets see what the token endpoint answered."""

from grantory_sdk import TokenSource
from grantory_sdk.models.tokens import TokenAnswer
from grantory_sdk.token_sources import TokenRequest


class NotingSource:
    """Does what another source does, and notes the newest answer.

    Args:
        source: the other one.
    """

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self.answer: TokenAnswer | None = None

    @property
    def waits_for_people(self) -> bool:
        """As the other one."""
        return self._source.waits_for_people

    def request(self, login_url: str) -> TokenRequest | TokenAnswer:
        """As the other one."""
        made = self._source.request(login_url)
        if isinstance(made, TokenAnswer):
            self.answer = made
        return made

    def accept(self, answer: TokenAnswer) -> None:
        """As the other one, and notes the answer."""
        self.answer = answer
        self._source.accept(answer)

    def refused(self) -> bool:
        """As the other one."""
        return self._source.refused()

    def settled(self) -> None:
        """As the other one."""
        self._source.settled()

    def give_up(self) -> None:
        """As the other one."""
        self._source.give_up()
