"""The server that a test holds in its hand."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

from grantory.domain.secret import Secret
from grantory.testing import messages
from grantory.testing.child import Child
from grantory.testing.entities import Client, Role, User
from grantory.testing.fault_requests import FaultRequests
from grantory.testing.messages import Answered, Begin, Begun, SeenRequest
from grantory.testing.refusals import CallRefused

HOST: Final = "127.0.0.1"
MACHINE: Final = "CLIENT-CREDENTIALS"
_OF_TOKENS: Final = "/api/v2/tokens/me"
_ROLES: Final = "/api/v2/authorization/roles"
_CLIENTS: Final = "/api/v2/oauth/clients"
_USERS: Final = "/api/v2/users"


class GrantoryServer:
    """A real server in a child process, on a free port of this machine and a store of its own.

    What its methods ask for goes past the network and past every fault, and a method has returned
    when it is done. They may be called from any thread, and from coroutines, since none takes long.

    Args:
        settings: by their names, such as ``{"limits.requests_per_client": 5}``. The listener, the
            store and the master key are not to be chosen.

    Raises:
        GrantoryError: for a bad setting.
        ServerFailed: when it does not start.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self._child = Child()
        try:
            begun = self._child.ask(Begin(dict(settings or {})), Begun)
        except BaseException:
            self._child.close()
            raise
        self.faults = FaultRequests(self._child)
        """Lets chosen requests fail."""
        self.port = begun.port
        self.organization_id = begun.organization_id
        self.client = Client(
            id=begun.client_id, name=begun.client_name, hidden=Secret(begun.client_secret)
        )
        """The first client, which holds every permission."""
        self.admin = User(
            id=begun.user_id,
            name=begun.user_name,
            email=begun.user_email,
            hidden=Secret(begun.user_password),
        )
        """The first user, who holds every permission."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"GrantoryServer({self.url})"

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    @property
    def process_id(self) -> int:
        """The id of the server's process."""
        return self._child.process_id

    def make_role(self, *permissions: str, name: str = "") -> Role:
        """Makes a role.

        Args:
            permissions: as ``domain:entity:action``.
            name: by default one that no other has.

        Raises:
            CallRefused: for a permission that is none, and a name that is taken.
        """
        name = name or _new_name("role")
        policies = [
            {"domain": domain, "entityName": entity, "actionSet": [action]}
            for domain, entity, action in map(_parts, permissions)
        ]
        made = self.call("POST", _ROLES, {"name": name, "permissionPolicies": policies})
        return Role(id=made["id"], name=name, permissions=permissions)

    def make_client(
        self, *roles: Role, name: str = "", grant_type: str = MACHINE, **fields: Any
    ) -> Client:
        """Makes a client.

        Args:
            roles: what a client that acts for itself holds, in every division; by default one role
                without permissions.
            name: by default one that no other has.
            grant_type: ``CLIENT-CREDENTIALS``, ``CODE``, ``TOKEN``, ``PASSWORD`` or
                ``SAML2-BEARER``.
            fields: further ones of the body, by the platform's names.

        Raises:
            CallRefused: where the server refuses.
        """
        name = name or _new_name("client")
        if grant_type == MACHINE and not roles and "roleDivisions" not in fields:
            roles = (self.make_role(),)
        body: dict[str, Any] = {"name": name, "authorizedGrantType": grant_type}
        if roles:
            body["roleDivisions"] = [{"roleId": role.id, "divisionId": "*"} for role in roles]
        made = self.call("POST", _CLIENTS, {**body, **fields})
        return Client(id=made["id"], name=name, hidden=Secret(made.get("secret") or ""))

    def make_user(
        self, *roles: Role, name: str = "", email: str = "", password: str = "", **fields: Any
    ) -> User:
        """Makes a user.

        Args:
            roles: what the user holds, in every division.
            name: by default one that no other has.
            email: by default one that no other has.
            password: by default none, and nobody can log in then. To set one takes 0.2 s.
            fields: further ones of the body, by the platform's names.

        Raises:
            CallRefused: where the server refuses.
        """
        name = name or _new_name("user")
        email = email or f"{uuid4()}@example.com"
        made = self.call("POST", _USERS, {"name": name, "email": email, **fields})
        user = User(id=made["id"], name=name, email=email, hidden=Secret(password))
        for role in roles:
            path = f"/api/v2/authorization/subjects/{user.id}/divisions/*/roles/{role.id}"
            self.call("POST", path)
        if password:
            self.call("POST", f"{_USERS}/{user.id}/password", {"newPassword": password})
        return user

    def token(self, client: Client | None = None) -> str:
        """Gets an access token by client credentials.

        Args:
            client: whose; by default the first client's.

        Raises:
            CallRefused: where the server refuses.
        """
        by = client or self.client
        answered = self._child.ask(messages.AskToken(by.id, by.secret), Answered)
        return str(_good(answered)["access_token"])

    def call(self, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """Calls the management API.

        Args:
            method: of HTTP.
            path: from ``/api/v2`` on, with its query.
            body: what is sent as JSON; None for nothing.
            token: as whom; by default the first client asks, who may do anything.

        Returns:
            The JSON of the answer; None where there is none.

        Raises:
            CallRefused: where the server refuses.
        """
        return _good(self._child.ask(messages.Call(method, path, body, token), Answered))

    def end_token(self, token: str) -> None:
        """Ends an access token before its time; whoever presents it is refused from now on.

        Raises:
            CallRefused: when it is not good any more.
        """
        self.call("DELETE", _OF_TOKENS, token=token)

    def advance(self, seconds: float) -> None:
        """Moves the server's clock on: what expires within that time has expired then.

        Args:
            seconds: how far; it cannot be moved back, but for ``reset``.

        Raises:
            ValueError: for a negative number.
        """
        if not 0 <= seconds < float("inf"):
            raise ValueError("seconds must be a number that is not negative")
        self._child.tell(messages.Advance(seconds))

    def now(self) -> datetime:
        """Tells the server's time of day, in UTC."""
        return datetime.fromtimestamp(self._child.ask(messages.TellTime(), int) / 1000, UTC)

    def requests(self) -> list[SeenRequest]:
        """Lists what came over the network since the last reset, at most 10,000 requests."""
        return self._child.ask(messages.TellRequests(), list[SeenRequest])

    def reset(self) -> None:
        """Makes the server what it was when it had begun, under the same address.

        Clients, roles, users and ended tokens are gone, the clock is right again, no request fails,
        and what was being answered is cut off. The first client and the first user are as before.
        """
        self._child.tell(messages.Reset())

    def log(self) -> str:
        """Gives the server's log: a line of JSON for each request and event."""
        return self._child.log()

    def close(self) -> None:
        """Ends the server; nothing of it is left."""
        self._child.close()


def _good(answered: Answered) -> Any:
    if answered.status < 400:
        return answered.body
    said = answered.body if isinstance(answered.body, dict) else {}
    code = said.get("code") or said.get("error") or ""
    message = said.get("message") or said.get("error_description") or ""
    raise CallRefused(answered.status, str(code), str(message))


def _parts(permission: str) -> list[str]:
    parts = permission.split(":")
    if len(parts) != 3:
        raise ValueError(f"{permission} is no permission such as oauth:client:view")
    return parts


def _new_name(kind: str) -> str:
    return f"{kind} {uuid4().hex[:12]}"
