"""Raw answers, and a way to see those behind the typed methods."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import msgspec

from grantory_sdk.errors import UnreadableAnswer

T = TypeVar("T")
CORRELATION: str = "ININ-Correlation-Id"


class Answer:
    """One answer of the server.

    Attributes:
        status: the HTTP status.
        headers: by name, in any case.
        content: the body.
        method: of the request.
        url: of the request.
    """

    def __init__(
        self, status: int, headers: Mapping[str, str], content: bytes, method: str, url: str
    ) -> None:
        self.status = status
        self.headers = headers
        self.content = content
        self.method = method
        self.url = url

    @property
    def correlation_id(self) -> str:
        """By which the server's log knows the request; empty where there is none."""
        return self.headers.get(CORRELATION, "")

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body, read as JSON.

        Raises:
            UnreadableAnswer: if it is no JSON.
        """
        return self.read(Any)

    def read(self, kind: type[T]) -> T:
        """The body, read as a model.

        Raises:
            UnreadableAnswer: if it is no JSON, or does not fit the model.
        """
        try:
            try:
                return msgspec.json.decode(self.content, type=kind)
            except msgspec.ValidationError:  # perhaps for a field that is null instead of missing
                return msgspec.convert(_without_nulls(msgspec.json.decode(self.content)), kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnreadableAnswer(
                f"{self.method} {self.url} was answered with status {self.status} and what cannot "
                f"be read ({error}). Is this the address of the API?",
                status=self.status,
                correlation_id=self.correlation_id,
            ) from None

    def __repr__(self) -> str:
        return (
            f"Answer(status={self.status}, method={self.method!r}, url={self.url!r}, "
            f"content=<{len(self.content)} bytes>)"
        )


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value


_seen: ContextVar[tuple[list[Answer], ...]] = ContextVar("grantory_sdk_answers", default=())


@contextmanager
def capture_answers() -> Iterator[list[Answer]]:
    """Collects the answers to the calls of the API that are made inside.

    Answers that were followed by a further try are among them; those of the token endpoint, which
    hold credentials, are not. Only calls of the same thread or task are seen, and of tasks that
    begin inside.
    """
    answers: list[Answer] = []
    mark = _seen.set((*_seen.get(), answers))
    try:
        yield answers
    finally:
        _seen.reset(mark)


def record(answer: Answer) -> None:
    """Hands an answer to whoever collects them."""
    for answers in _seen.get():
        answers.append(answer)
