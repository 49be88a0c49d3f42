"""What a test and its server's process say to each other, over a pair of sockets of their own.

A line of JSON each way. Nothing of it can be asked for over HTTP.
"""

from typing import Any, Literal

import msgspec

ANY = "*"
Moment = Literal["before", "midway", "after"]


class Refusal(msgspec.Struct, frozen=True, tag=True):
    """Answers without doing anything; no code stands for what the server itself would say."""

    status: int
    code: str = ""
    retry_after: int | None = None


class ExpiredToken(msgspec.Struct, frozen=True, tag=True):
    """Answers a call of the management API as the server answers a token that has expired."""


class Delay(msgspec.Struct, frozen=True, tag=True):
    """Does what was asked, and answers so many seconds later."""

    seconds: float


class Drop(msgspec.Struct, frozen=True, tag=True):
    """Closes the connection: before anything is done, or in the midst or instead of the answer."""

    when: Moment


Effect = Refusal | ExpiredToken | Delay | Drop


class Fault(msgspec.Struct, frozen=True):
    """What is to happen to which requests."""

    effect: Effect
    method: str = ANY
    path: str = ANY
    """With ``*`` for any text, slashes included."""
    times: int | None = 1
    """None until faults are cleared."""


class SeenRequest(msgspec.Struct):
    """A request that came over the network, and how it was answered."""

    method: str
    path: str
    status: int = 0
    """0 as long as nothing was answered."""
    fault: str = ""
    """What was done to it: ``Refusal``, ``ExpiredToken``, ``Delay`` or ``Drop``."""


class Begin(msgspec.Struct, frozen=True, tag=True):
    """Asks for a server, with settings by their names."""

    settings: dict[str, Any]


class Begun(msgspec.Struct, frozen=True):
    """The server listens: its port, and what its first start made."""

    port: int
    organization_id: str
    client_id: str
    client_name: str
    client_secret: str
    user_id: str
    user_name: str
    user_email: str
    user_password: str


class Call(msgspec.Struct, frozen=True, tag=True):
    """Asks the management API, past the network and every fault.

    Without a token it is the first client who asks.
    """

    method: str
    path: str
    body: Any = None
    token: str = ""


class AskToken(msgspec.Struct, frozen=True, tag=True):
    """Asks for a token by client credentials, past the network and every fault."""

    client_id: str
    client_secret: str


class Answered(msgspec.Struct, frozen=True):
    """What the server answered to a ``Call`` or to ``AskToken``."""

    status: int
    body: Any


class AddFault(msgspec.Struct, frozen=True, tag=True):
    """Adds a fault."""

    fault: Fault


class ClearFaults(msgspec.Struct, frozen=True, tag=True):
    """Takes all faults away."""


class Advance(msgspec.Struct, frozen=True, tag=True):
    """Moves the server's clocks on."""

    seconds: float


class TellTime(msgspec.Struct, frozen=True, tag=True):
    """Asks for the server's time of day, in milliseconds since 1970."""


class TellRequests(msgspec.Struct, frozen=True, tag=True):
    """Asks for the requests that came since the last reset."""


class Reset(msgspec.Struct, frozen=True, tag=True):
    """Makes the server what it was when it had begun."""


Command = (
    Begin | Call | AskToken | AddFault | ClearFaults | Advance | TellTime | TellRequests | Reset
)


class Answer(msgspec.Struct, frozen=True):
    """The answer to a command: what it asked for, or why not."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    error: str = ""
