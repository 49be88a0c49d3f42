"""A client together with what it may do."""

import msgspec

from grantory.domain.access import Assignment
from grantory.domain.client import Client


class RegisteredClient(msgspec.Struct, frozen=True):
    """A client with the roles it holds."""

    client: Client
    assignments: tuple[Assignment, ...]
