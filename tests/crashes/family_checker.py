"""Compares what the writers know of codes and families with what the store and the server say."""

import time

from tests.crashes.families import App, form_of
from tests.crashes.ledger import Family, Ledger
from tests.crashes.request import ENDS_FAMILY, TOKEN, Request
from tests.crashes.rows import FamilyRow, Rows, codes_in, families_in
from tests.support.server import Reply, RunningServer

LOOKED_AT = 4
"""Families of each writer that the server is asked about: the newest that live, or are ended."""
GRACE = 10.0
"""Seconds in which who lost an answer gets the same refresh token again."""


class FamilyChecker:
    """Settles what was open and asks about what was known, on a server that nobody else uses."""

    def __init__(self, server: RunningServer, app: App, rows: Rows) -> None:
        self._server = server
        self._app = app
        self._rows = rows
        self._has_ended_some = False
        self._read()

    def _read(self) -> None:
        self._codes = codes_in(self._rows)
        self._families = families_in(self._rows)

    def settle(self, ledger: Ledger, request: Request) -> None:
        """Finds out whether a request was done, wholly or not at all."""
        if request.kind == "redeem code":
            self._settle_redemption(ledger, request)
        elif request.kind == "refresh":
            self._settle_refresh(ledger, request)
        else:
            assert request.kind in ENDS_FAMILY
            if self._row(request.subject).ended_at:
                ledger.done(request, {})

    def _settle_redemption(self, ledger: Ledger, request: Request) -> None:
        code = self._codes[request.subject]
        if code.used_at:
            assert not self._row(request.subject).ended_at, "ended by nobody"
            # The answer is lost for good: whoever asks again ends the family.
            assert self._ask(ledger, request).status == 400, "a code was redeemed twice"
            ledger.redeemed_in_vain(request.subject)
            self._has_ended_some = True

    def _settle_refresh(self, ledger: Ledger, request: Request) -> None:
        family, row = ledger.families[request.subject], self._row(request.subject)
        steps = row.generation - len(family.refresh_tokens)
        assert steps in (0, 1), "refreshed twice"
        if steps == 0:
            return
        since = row.rotated_at / 1000
        earliest = time.time() - since
        answer = self._ask(ledger, request)
        if answer.status == 200:
            assert earliest <= GRACE, "a refresh token that was replaced is good"
            ledger.done(request, answer.json())
        else:
            assert answer.status == 400
            assert time.time() - since > GRACE, "the answer cannot be had again"
            family.ended = self._has_ended_some = True

    def _ask(self, ledger: Ledger, request: Request) -> Reply:
        return self._app.post(self._server, *form_of(request, ledger))

    def _row(self, digest: str) -> FamilyRow:
        return self._families[self._codes[digest].family_id]

    def compare(self, ledgers: list[Ledger]) -> None:
        """All is as it was acknowledged: what lives works, and what was ended does not."""
        self._read()
        known = {digest for ledger in ledgers for digest in ledger.families}
        used = {digest for digest, row in self._codes.items() if row.used_at}
        assert used == known, "a code was used by nobody, or an acknowledged use was lost"
        for ledger in ledgers:
            assert ledger.codes.keys() <= self._codes.keys(), "an acknowledged code is gone"
            for family in ledger.families.values():
                self._compare_row(family, self._row(family.id))
        if self._has_ended_some:
            time.sleep(self._rows.lag)  # until every process has heard of it
        for ledger in ledgers:
            living = [f for f in ledger.families.values() if not f.ended]
            ended = [f for f in ledger.families.values() if f.ended]
            for family in living[-LOOKED_AT:]:
                self._look_at_living(family)
            for family in ended[-LOOKED_AT:]:
                self._look_at_ended(family)
            if living:
                request = Request("refresh", "", living[-1].id)
                answer = self._ask(ledger, request)
                assert answer.status == 200, "an acknowledged refresh token does not work"
                ledger.done(request, answer.json())

    def _compare_row(self, family: Family, row: FamilyRow) -> None:
        assert bool(row.ended_at) == family.ended, "an end was lost, or came from nobody"
        if not family.ended:
            assert row.generation == len(family.refresh_tokens), "a refresh was lost"

    def _look_at_living(self, family: Family) -> None:
        assert self._app.knows_good(self._server, family.refresh_tokens[-1]), "it is lost"
        for token in {family.access_tokens[0], family.access_tokens[-1]}:
            assert self._is_accepted(token), "a token was lost"

    def _look_at_ended(self, family: Family) -> None:
        for token in family.refresh_tokens[-1:]:
            assert not self._app.knows_good(self._server, token), "an ended family goes on"
        for token in {*family.access_tokens[:1], *family.access_tokens[-1:]}:
            assert not self._is_accepted(token), "an ended token works again"

    def _is_accepted(self, token: str) -> bool:
        status = self._server.call("GET", TOKEN, token=token).status
        assert status in (200, 401), status
        return status == 200
