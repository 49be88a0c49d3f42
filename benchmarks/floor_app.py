"""The floor F: an ASGI application that answers about 300 bytes of JSON and does nothing else."""

from typing import Any

BODY = (
    b'{"access_token":"'
    + b"A" * 43
    + b'","token_type":"Bearer","expires_in":3600,"scope":"read","pad":"'
    + b"x" * 180
    + b'"}'
)
HEADERS = [
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"content-length", str(len(BODY)).encode()),
]
START = {"type": "http.response.start", "status": 200, "headers": HEADERS}
END = {"type": "http.response.body", "body": BODY}


async def floor_app(_scope: Any, receive: Any, send: Any) -> None:
    """Reads the body to its end and answers."""
    while True:
        message = await receive()
        if not message.get("more_body"):
            break
    await send(START)
    await send(END)
