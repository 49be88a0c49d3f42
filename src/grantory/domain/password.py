"""What a password that a person chooses must be (NIST SP 800-63B section 3.1.1.2).

Long enough, and not among the first that somebody would try. There are no rules on which kinds
of characters it has: they make passwords no better.
"""

import unicodedata
from collections.abc import Container, Iterable
from typing import Final

LEAST_CHARACTERS: Final = 8
"""No setting asks for fewer."""
MOST_CHARACTERS: Final = 128
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_ROWS: Final = (_LETTERS, _DIGITS)
_ELSE: Final = "choose another, such as four words that have nothing to do with each other"


def normal_password(password: str) -> str:
    """Gives the form in which a password is counted and compared (Unicode's NFKC)."""
    return unicodedata.normalize("NFKC", password)


def password_problem(
    password: str,
    *,
    least: int = LEAST_CHARACTERS,
    common: Container[str] = frozenset(),
    known: Iterable[str] = (),
) -> str | None:
    """Tells why a password may not be chosen.

    Args:
        password: as it was typed; any Unicode, spaces too.
        least: how many characters (Unicode code points) it must have at least.
        common: passwords that are tried first, case-folded.
        known: names that everybody knows, such as the person's and the organisation's: neither
            these nor these with digits and punctuation at the ends are passwords.

    Returns:
        The rest of a sentence that begins with the field's name, and never repeats the password;
        None where nothing is wrong.
    """
    if len(password) > MOST_CHARACTERS * 4:  # normalizing makes one of at most four letters
        return f"must have at most {MOST_CHARACTERS} characters"
    normal = normal_password(password)
    if len(normal) < least:
        return f"must have at least {least} characters"
    if len(normal) > MOST_CHARACTERS:
        return f"must have at most {MOST_CHARACTERS} characters"
    folded = normal.casefold().strip()
    if len(set(folded)) <= 2:
        return f"must not repeat one or two characters: {_ELSE}"
    if _is_sequence(folded):
        return f"must not be a plain sequence of letters or digits: {_ELSE}"
    if folded in common:
        return f"must not be one of the passwords that are tried first: {_ELSE}"
    if any(_is_like(folded, word) for word in known):
        return f"must not be a name that others know, with or without digits: {_ELSE}"
    return None


def _is_sequence(text: str) -> bool:
    """Tells whether each character follows the one before it; z by a, and 9 by 0."""
    for row in _ROWS:
        endless = row * (MOST_CHARACTERS // len(row) + 2)
        if text in endless or text in endless[::-1]:
            return True
    return False


def _is_like(folded: str, word: str) -> bool:
    whole, other = (_squeezed(each) for each in (folded, normal_password(word).casefold()))
    core = _core(other)
    return bool(other) and (whole == other or (core != "" and _core(whole) == core))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _core(text: str) -> str:
    """Cuts whatever is no letter off both ends."""
    letters = [place for place, character in enumerate(text) if character.isalpha()]
    return text[letters[0] : letters[-1] + 1] if letters else ""
