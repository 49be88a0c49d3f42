"""What the clients of a server that fails know: what was acknowledged, refused, or left open."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar

import msgspec

from tests.crashes.request import (
    BULK,
    ENDS_FAMILY,
    EVERYWHERE,
    FAMILY_CHANGES,
    REGENERATIONS,
    Document,
    Grants,
    Request,
)


class Entity(Protocol):
    """Something with an id."""

    @property
    def id(self) -> str: ...


E = TypeVar("E", bound=Entity)


class Role(msgspec.Struct):
    """A role as it was acknowledged. Its text is its name, its description and its policy's."""

    id: str
    text: str


class Division(msgspec.Struct):
    """A division as it was acknowledged. Its text is its name and its description."""

    id: str
    text: str


class User(msgspec.Struct):
    """A user as it was acknowledged. Its text is its name, its address and all the rest."""

    id: str
    text: str
    state: str
    grants: Grants = frozenset()


class Client(msgspec.Struct):
    """A client as it was acknowledged. Its text is its name and its description."""

    id: str
    text: str
    grants: Grants
    state: str
    secret: str
    token: str = ""
    renewed_at: float = 0.0
    """When it was enabled, or its tokens ended: another node may hear of it a second later."""


class Code(msgspec.Struct):
    """An authorization code that was given and, as far as is known, not used."""

    id: str
    """Its digest, under which the store has it."""
    text: str
    given_at: float


class Family(msgspec.Struct):
    """The tokens that one code has led to."""

    id: str
    """The digest of the code."""
    code: str
    refresh_tokens: list[str]
    """All of them, the good one last; none where the only answer that held one was lost."""
    access_tokens: list[str]
    ended: bool = False


class Ledger:
    """What one writer knows. What an open request is about is left alone until it is settled."""

    def __init__(self, base_role: str) -> None:
        self.base_role = base_role
        self.clients: dict[str, Client] = {}
        self.roles: dict[str, Role] = {}
        self.users: dict[str, User] = {}
        self.divisions: dict[str, Division] = {}
        self.codes: dict[str, Code] = {}
        self.families: dict[str, Family] = {}
        self.gone: set[str] = set()
        """Ids whose deletion was acknowledged."""
        self.ended: list[str] = []
        """Tokens of clients that must be refused."""
        self.refused: set[str] = set()
        """Texts that must be nowhere."""
        self.open: list[Request] = []
        self.counted: Counter[tuple[str, str]] = Counter()
        self.times: list[tuple[str, float, float]] = []
        """What was acknowledged, when it was sent and when it was answered."""

    @property
    def known(self) -> set[str]:
        """The ids of all that was acknowledged and not deleted, but for codes and families."""
        return {*self.clients, *self.roles, *self.users, *self.divisions}

    def idle(self, entities: Mapping[str, E]) -> list[E]:
        """Those about which everything is known: nothing that may or may not have been done."""
        subjects = {request.subject for request in self.open}
        return [entity for entity in entities.values() if entity.id not in subjects]

    def living(self, grants: Iterable[tuple[str, str]]) -> Grants:
        """What is left of grants, since those of a deleted role, or in a deleted division, go."""
        return frozenset(pair for pair in grants if not self.gone.intersection(pair))

    def holder(self, subject: str) -> Client | User:
        """A client or user."""
        return self.clients.get(subject) or self.users[subject]

    def done(self, request: Request, answer: Document) -> None:
        """Notes what a request has made; the answer is needed for what it gave away."""
        kind, subject = request.kind, request.subject
        if kind in FAMILY_CHANGES:
            self._family_done(request, answer)
        elif kind in BULK:
            holder = self.holder(subject)
            holder.grants = request.grants_after(self.living(holder.grants))
        elif kind.endswith("role"):
            self._role_done(request, answer)
        elif kind.endswith("user"):
            self._user_done(request, answer)
        elif kind.endswith("division"):
            self._division_done(request, answer)
        else:
            self._client_done(request, answer)

    def _client_done(self, request: Request, answer: Document) -> None:
        kind, subject = request.kind, request.subject
        if kind == "create client":
            new = answer["id"]
            self.clients[new] = Client(
                new, request.text, request.grants, request.state, answer["secret"]
            )
        elif kind in ("update client", "disable", "enable"):
            client = self.clients[subject]
            client.text, client.grants = request.text, request.grants
            client.state = request.state
            if kind == "disable":
                self._end(client)
            elif kind == "enable":
                client.renewed_at = time.monotonic()
        elif kind in REGENERATIONS:
            self.regenerated(request, answer["secret"])
        elif kind == "delete client":
            self._end(self.clients.pop(subject))
            self.gone.add(subject)
        elif kind == "revoke":
            self.ended.append(request.token)
            self.clients[subject].token = ""

    def _role_done(self, request: Request, answer: Document) -> None:
        if request.kind == "create role":
            self.roles[answer["id"]] = Role(answer["id"], request.text)
        elif request.kind == "delete role":
            del self.roles[request.subject]
            self.gone.add(request.subject)
        else:
            self.roles[request.subject].text = request.text

    def _user_done(self, request: Request, answer: Document) -> None:
        if request.kind == "create user":
            self.users[answer["id"]] = User(answer["id"], request.text, request.state)
        elif request.kind == "delete user":
            del self.users[request.subject]
            self.gone.add(request.subject)
        else:
            user = self.users[request.subject]
            user.text, user.state = request.text, request.state

    def _division_done(self, request: Request, answer: Document) -> None:
        if request.kind == "create division":
            self.divisions[answer["id"]] = Division(answer["id"], request.text)
        elif request.kind == "delete division":
            del self.divisions[request.subject]
            self.gone.add(request.subject)
        else:
            self.divisions[request.subject].text = request.text

    def _family_done(self, request: Request, answer: Document) -> None:
        kind, subject = request.kind, request.subject
        if kind == "redeem code":
            self.families[subject] = Family(subject, self.codes.pop(subject).text, [], [])
        family = self.families[subject]
        if kind in ENDS_FAMILY:
            family.ended = True
        else:
            family.refresh_tokens.append(answer["refresh_token"])
            family.access_tokens.append(answer["access_token"])

    def redeemed_in_vain(self, subject: str) -> None:
        """Notes that a code was used, that its tokens went to nobody, and that they are ended."""
        self.families[subject] = Family(subject, self.codes.pop(subject).text, [], [], ended=True)

    def regenerated(self, request: Request, secret: str) -> None:
        """Notes what a new secret has brought."""
        client = self.clients[request.subject]
        client.secret = secret
        if request.kind == "regenerate and end tokens":
            self._end(client)
            client.renewed_at = time.monotonic()

    def _end(self, client: Client) -> None:
        if client.token:
            self.ended.append(client.token)
            client.token = ""

    def not_done(self, request: Request) -> None:
        """Notes that a request has made nothing."""
        if request.text:
            self.refused.add(request.text)

    def base_grants(self) -> Grants:
        """What every client is made with."""
        return frozenset({(self.base_role, EVERYWHERE)})
