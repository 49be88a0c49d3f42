"""The generated SDK's exception."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Self

from grantory_sdk.errors import ApiError, GrantoryError


class ApiException(Exception):
    """A call failed.

    Attributes:
        status: the HTTP status; 0 where there was no answer.
        reason: what the status means, or why there was no answer.
        body: the body of the answer as text; None where there was none.
        headers: its headers, by name, in any case; None where there was none.
    """

    def __init__(self, status: int | None = None, reason: str | None = None) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.body: str | None = None
        self.headers: Mapping[str, str] | None = None

    @classmethod
    def of(cls, error: GrantoryError) -> Self:
        """The exception for one of this library's errors."""
        if not isinstance(error, ApiError):
            return cls(0, str(error))
        try:
            reason = HTTPStatus(error.status).phrase
        except ValueError:
            reason = ""
        made = cls(error.status, reason)
        made.body, made.headers = error.body, error.headers
        return made

    def __str__(self) -> str:
        lines = [f"({self.status})", f"Reason: {self.reason}"]
        if self.headers:
            lines.append(f"HTTP response headers: {dict(self.headers)}")
        if self.body:
            lines.append(f"HTTP response body: {self.body}")
        return "\n".join(lines) + "\n"
