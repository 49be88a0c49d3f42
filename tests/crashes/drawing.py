"""What a writer asks for next: every kind of request, in an order that is drawn by lot."""

import random
import time

from tests.crashes.ledger import Client, Family, Ledger, User
from tests.crashes.request import (
    BULK,
    CHANGES,
    CLIENTS,
    DELETIONS,
    DIVISIONS,
    EVERYWHERE,
    FAMILY_CHANGES,
    REGENERATIONS,
    ROLES,
    USERS,
    Document,
    Grants,
    Request,
    email_of,
)

NO_CHANGES = ("token", "refused", "authorize")
DECK = (*CHANGES, *NO_CHANGES, "create client", "create role", "redeem code", "refresh", "refresh")
BEFORE = {
    "enable": "disable",
    "revoke": "token",
    "bulk remove": "bulk add",
    "put role": "create role",
    "patch role": "create role",
    "delete role": "create role",
    "change user": "create user",
    "delete user": "create user",
    "rename division": "create division",
    "delete division": "create division",
    "redeem code": "authorize",
    "refresh": "redeem code",
    "reuse code": "redeem code",
    "reuse refresh token": "refresh",
    "revoke family": "redeem code",
}
"""What comes first where there is nothing that a kind could be about; else a client is made."""
CODE_SECONDS = 20.0
"""So long a code is used after it was given; it is good for a minute."""
NEWEST = 4
"""Families among which one is drawn, so that some get old."""
OLD = 3
"""So many refresh tokens has a family whose first one is not the one before the good one."""


class Drawing:
    """Draws requests: of as many as there are kinds, each is one, or is made possible by one.

    Args:
        ledger: what can be asked about.
        name: whose texts these are; the lots are drawn by it.
    """

    def __init__(self, ledger: Ledger, name: str) -> None:
        self._ledger = ledger
        self.name = name
        self._random = random.Random(name)
        self._deck: list[str] = []
        self._count = 0

    def next(self) -> Request:
        """The next request; of a kind in ``NO_CHANGES`` it says only about whom."""
        if not self._deck:
            self._deck = list(DECK)
            self._random.shuffle(self._deck)
        self._count += 1
        kind = wanted = self._deck.pop()
        while (request := self._of_kind(kind)) is None:
            kind = BEFORE.get(kind, "create client")
        if kind != wanted:
            self._deck.insert(0, wanted)
        return request

    def put_back(self, request: Request, *, at_the_end: bool = False) -> None:
        """Have a kind come once more that could not be asked for, or was not done."""
        self._deck.insert(0 if at_the_end else len(self._deck), request.kind)

    def refusable(self, text: str) -> tuple[str, Document]:
        """What cannot be made, each for another reason: where it is asked for, and how."""
        bad_role = {"roleDivisions": [{"roleId": "no-such-role", "divisionId": EVERYWHERE}]}
        client: Document = {"name": text, "authorizedGrantType": "CLIENT-CREDENTIALS", **bad_role}
        role: Document = {"name": "Administrator", "description": text}
        user: Document = {"name": text, "email": email_of(text), "divisionId": "no-such-division"}
        division: Document = {"name": "Home", "description": text}
        return self._random.choice(
            [(CLIENTS, client), (ROLES, role), (USERS, user), (DIVISIONS, division)]
        )

    def _of_kind(self, kind: str) -> Request | None:
        """A request of a kind; None where there is nothing that it could be about."""
        ledger = self._ledger
        text = f"{self.name} step {self._count}"
        if kind in ("refused", "authorize", "create role", "create user", "create division"):
            return Request(kind, text)
        if kind == "create client":
            return Request(kind, text, grants=self._roles())
        if kind in BULK:
            return self._in_bulk(kind)
        if kind in FAMILY_CHANGES:
            return self._about_a_family(kind)
        if kind.endswith("role"):
            about = [role.id for role in ledger.idle(ledger.roles)]
        elif kind.endswith("user"):
            about = [user.id for user in ledger.idle(ledger.users)]
        elif kind.endswith("division"):
            about = [division.id for division in ledger.idle(ledger.divisions)]
        else:
            return self._about_a_client(kind, text)
        if not about:
            return None
        state = self._random.choice(["active", "inactive"]) if kind == "change user" else "active"
        text = "" if kind in DELETIONS else text
        return Request(kind, text, self._random.choice(about), state=state)

    def _about_a_client(self, kind: str, text: str) -> Request | None:
        fitting = [c for c in self._ledger.idle(self._ledger.clients) if fits(kind, c)]
        if not fitting:
            return None
        client = self._random.choice(fitting)
        if kind == "revoke":
            return Request(kind, "", client.id, token=client.token)
        if kind in (*REGENERATIONS, "delete client", "token"):
            return Request(kind, "", client.id)
        state = {"disable": "disabled", "enable": "active"}.get(kind, client.state)
        return Request(kind, text, client.id, self._roles(), state)

    def _about_a_family(self, kind: str) -> Request | None:
        ledger = self._ledger
        if kind == "redeem code":
            oldest = time.monotonic() - CODE_SECONDS
            about = [code.id for code in ledger.idle(ledger.codes) if code.given_at > oldest]
        else:
            families = [f for f in ledger.idle(ledger.families) if family_fits(kind, f)]
            about = [family.id for family in families[-NEWEST:]]
        return Request(kind, "", self._random.choice(about)) if about else None

    def _in_bulk(self, kind: str) -> Request | None:
        """About a client or a user; what is named is known to be there."""
        ledger, draw = self._ledger, self._random
        holders: list[Client | User] = [*ledger.idle(ledger.clients), *ledger.idle(ledger.users)]
        if not holders:
            return None
        holder = draw.choice(holders)
        roles = [ledger.base_role, *(role.id for role in ledger.idle(ledger.roles))]
        places = [EVERYWHERE, *(division.id for division in ledger.idle(ledger.divisions))]
        if kind == "bulk remove":
            pairs = [(r, d) for r, d in sorted(holder.grants) if r in roles and d in places]
        else:
            pairs = [(role, place) for role in roles for place in places]
        if not pairs:
            return None
        some = draw.sample(pairs, min(len(pairs), draw.randint(1, 4)))
        return Request(kind, "", holder.id, frozenset(some))

    def _roles(self) -> Grants:
        """What a client is to hold: some roles everywhere, and some in a division."""
        ledger, draw = self._ledger, self._random
        roles, places = ledger.idle(ledger.roles), ledger.idle(ledger.divisions)
        held = {(role.id, EVERYWHERE) for role in draw.sample(roles, min(len(roles), 2))}
        if roles and places:
            held.add((draw.choice(roles).id, draw.choice(places).id))
        return ledger.base_grants() | held


def fits(kind: str, client: Client) -> bool:
    """Whether a kind of request makes sense for a client."""
    if kind == "enable":
        return client.state == "disabled"
    if kind == "revoke":
        return bool(client.token)
    if kind == "token":
        # Within that second another node may not have heard that the client was enabled, or
        # give it a token of the kind that was ended.
        return client.state == "active" and time.monotonic() > client.renewed_at + 1
    return kind != "disable" or client.state == "active"


def family_fits(kind: str, family: Family) -> bool:
    """Whether a kind of request makes sense for a family."""
    if family.ended:
        return False
    return kind != "reuse refresh token" or len(family.refresh_tokens) >= OLD
