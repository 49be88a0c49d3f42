"""A real server for tests, with its clock in hand and faults on demand: a plugin of pytest.

Nothing but tests may import this package; no server loads it. ``docs/guides/testing.md`` shows it.
"""

from grantory.testing.entities import Client, Role, User
from grantory.testing.messages import SeenRequest
from grantory.testing.refusals import CallRefused, ServerFailed
from grantory.testing.server import GrantoryServer

__all__ = [
    "CallRefused",
    "Client",
    "GrantoryServer",
    "Role",
    "SeenRequest",
    "ServerFailed",
    "User",
]
