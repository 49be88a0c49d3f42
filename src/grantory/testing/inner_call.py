"""Asking an application itself, past the network and whatever stands before it."""

from typing import Any
from urllib.parse import urlencode

import msgspec

from grantory.http.early_answers import TOKEN_PATH
from grantory.http.exchange import Application
from grantory.http.request import Message
from grantory.testing.messages import Answered, AskToken, Call


class InnerCaller:
    """Asks an application as a caller on this machine would.

    Args:
        host: what the caller takes the server to be called.
        prefix: what stands before the addresses of the management API.
        login_prefix: what stands before OAuth's.
    """

    def __init__(self, host: str, prefix: str, login_prefix: str) -> None:
        self._host = host
        self._prefix = prefix
        self._login_prefix = login_prefix

    async def call(self, application: Application, call: Call, token: str) -> Answered:
        """Calls the management API with a token."""
        headers = [(b"authorization", f"Bearer {token}".encode())]
        body = b""
        if call.body is not None:
            headers.append((b"content-type", b"application/json"))
            body = msgspec.json.encode(call.body)
        return await self._ask(application, call.method, self._prefix + call.path, headers, body)

    async def token(self, application: Application, asked: AskToken) -> Answered:
        """Asks for a token by client credentials."""
        form = {
            "grant_type": "client_credentials",
            "client_id": asked.client_id,
            "client_secret": asked.client_secret,
        }
        headers = [(b"content-type", b"application/x-www-form-urlencoded")]
        path = self._login_prefix + TOKEN_PATH
        return await self._ask(application, "POST", path, headers, urlencode(form).encode())

    async def _ask(
        self,
        application: Application,
        method: str,
        target: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
    ) -> Answered:
        path, _, query = target.partition("?")
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [
                (b"host", self._host.encode()),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
            "client": ("127.0.0.1", 0),
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await application(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in sent)
        return Answered(sent[0]["status"], msgspec.json.decode(content) if content else None)
