"""Hearing of changes in a SQLite file, at once and from whatever process."""

import asyncio

import apsw

from grantory.storage.change_feed import Heard, news_since
from grantory.storage.sqlite.connection import in_snapshot, told


class SqliteFeed:
    """Implements ``ChangeFeed``: current for the turn of the event loop in which it looked.

    A request that arrives later is handled in a later turn, and the mark is taken away first
    thing in it: so no request is decided on a look that was made before it arrived.

    Args:
        watch: a connection that never writes and never holds a transaction, because
            ``data_version`` does not see its own connection's writes, and stands still
            inside a transaction.
        reader: a connection for short reads.
    """

    def __init__(self, watch: apsw.Connection, reader: apsw.Connection) -> None:
        self._watch = watch
        self._reader = reader
        self._seen_version: object = None
        self._is_behind = True
        self._number = -1
        self._looked_this_turn = False
        self._heard: Heard | None = None

    def listen(self, heard: Heard) -> None:
        """Names who is told."""
        self._heard = heard

    def is_current(self) -> bool:
        """Tells whether it looked in this turn of the event loop."""
        return self._looked_this_turn

    async def catch_up(self) -> None:
        """Looks whether anything was committed, and tells what.

        Raises:
            StorageUnavailable: when SQLite does not tell; then the next look makes up for it.
        """
        self._is_behind = self._may_have_changed() or self._is_behind
        if self._is_behind:
            news = in_snapshot(self._reader, lambda sql: news_since(sql, self._number))
            if self._heard is not None and news.number != self._number:
                self._heard(news.entities)
            self._number = news.number
            self._is_behind = False
        self._looked_this_turn = True
        asyncio.get_running_loop().call_soon(self._end_turn)

    def has_heard_all(self) -> bool:
        """Tells whether it looked in this turn of the event loop."""
        return self._looked_this_turn

    async def hear_all(self) -> None:
        """Looks, if it has not in this turn: what was answered before is heard at every look."""
        if not self._looked_this_turn:
            await self.catch_up()

    def _end_turn(self) -> None:
        self._looked_this_turn = False

    def _may_have_changed(self) -> bool:
        try:
            version = self._watch.execute("PRAGMA data_version").fetchall()[0][0]
        except apsw.Error as error:
            raise told(error) from error
        if version == self._seen_version:
            return False
        self._seen_version = version
        return True
