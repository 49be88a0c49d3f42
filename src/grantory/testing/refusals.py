"""What goes wrong between a test and its server."""

from grantory.errors import GrantoryError


class ServerFailed(GrantoryError):
    """The server did not start, or does not answer any more; the text holds the end of its log."""


class CallRefused(GrantoryError):
    """The server refused what the test asked of it.

    Args:
        status: the HTTP status.
        code: the platform's error code, such as ``not.found``.
        message: the server's sentence.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
