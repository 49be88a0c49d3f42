"""Letting go of what is of no use any more, a few rows at a time."""

from typing import Protocol


class UpkeepWriter(Protocol):
    """Removes rows: at most ``limit`` at a time, and the answer is how many it did."""

    def time(self) -> int:
        """Returns the time by the clock of whatever holds the store (milliseconds since 1970).

        That is the database server's clock, or this machine's where the store is a file.
        """
        ...

    def forget_changes(self, now: int, limit: int) -> int:
        """Removes change records that are older than an hour (milliseconds since 1970)."""
        ...

    def forget_denied_tokens(self, before_s: int, limit: int) -> int:
        """Removes ended tokens that expired before a time (seconds since 1970)."""
        ...

    def forget_secrets(self, before: int, limit: int) -> int:
        """Removes secrets that were ended before a time (milliseconds since 1970)."""
        ...

    def forget_sessions(self, before: int, limit: int) -> int:
        """Removes login sessions that expired before a time (milliseconds since 1970)."""
        ...

    def forget_codes(self, before: int, limit: int) -> int:
        """Removes authorization codes that expired before a time (milliseconds since 1970)."""
        ...

    def forget_families(self, before: int, limit: int) -> int:
        """Removes families whose last token expired before a time (milliseconds since 1970)."""
        ...

    def forget_assertions(self, before: int, limit: int) -> int:
        """Removes used assertions that expired before a time (milliseconds since 1970)."""
        ...

    def forget_keys(self, before: int, limit: int) -> int:
        """Removes keys whose last token expired before a time (milliseconds since 1970)."""
        ...

    def forget_refusals(self, before: int, limit: int) -> int:
        """Removes refused requests from before a time (milliseconds since 1970)."""
        ...

    def forget_refusal_counters(self, before: int, limit: int) -> int:
        """Removes counters of hours that began before a time (milliseconds since 1970)."""
        ...
