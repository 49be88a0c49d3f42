"""Health: is the process alive, and can it serve?"""

from grantory.errors import ApiError
from grantory.http.request import Request
from grantory.http.response import Response, json_response
from grantory.ports.storage import Store


class HealthResource:
    """Answers the probes of a balancer or a supervisor."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def live(self, request: Request) -> Response:  # noqa: ARG002 - every handler takes it
        """Answers 200 while the process answers at all."""
        return json_response({"status": "up"})

    async def ready(self, request: Request) -> Response:  # noqa: ARG002
        """Answers 200 when the store answers and is set up.

        Raises:
            ApiError: 503 otherwise.
        """
        check = await self._store.read(lambda snapshot: snapshot.installation.master_key_check())
        if check is None:
            raise ApiError(503, "service.unavailable", "The store is not set up yet.")
        return json_response({"status": "up", "store": "up"})
