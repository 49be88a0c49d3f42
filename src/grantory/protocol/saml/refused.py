"""The one way in which an assertion is refused."""

from grantory.errors import GrantoryError


class AssertionRefused(GrantoryError):
    """An assertion that counts for nothing here.

    The text is for the log alone. It says what is wrong in words of our own, and holds nothing
    that the assertion holds.
    """
