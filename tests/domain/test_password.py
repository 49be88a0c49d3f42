"""Which passwords may be chosen, whoever's they are."""

import unicodedata

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from grantory.crypto.common_passwords import common_passwords
from grantory.domain.password import MOST_CHARACTERS, normal_password, password_problem

KNOWN = ("Ann Smith", "ann.smith@example.com", "ann.smith", "Häuser & Söhne 24", "grantory")
GOOD = (
    "quiet harbor seven kites",
    "Tr0ub4dor&3",
    "correct horse battery staple",
    "        x y z",
    "пароль-и-вправду-длинный",
    "密码密码很长的密码短语",
    "🐎🔋📎🎈🌂🧵🪁🧊",
    "ann smith likes tea",
    "8642013579",
    "abcdefgi",
    "1234567b9",
)


def wide(text: str) -> str:
    """The same letters as keyboards for Chinese and Japanese can write them."""
    return "".join(chr(ord(character) + 0xFEE0) for character in text)


def problem(password: str, least: int = 8) -> str | None:
    return password_problem(password, least=least, common=common_passwords(), known=KNOWN)


@pytest.mark.parametrize("password", GOOD)
def test_whatever_is_long_and_not_guessed_at_once_may_be_chosen(password: str) -> None:
    assert problem(password) is None


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord",
        " password  ",
        wide("password"),
        "qwertyuiop",
        "Password1",
        "trustno1",
        "1q2w3e4r",
        "iloveyou",
    ],
)
def test_what_is_tried_first_may_not(password: str) -> None:
    assert "tried first" in str(problem(password))


@pytest.mark.parametrize(
    "password",
    [
        "Ann Smith",
        "annsmith",
        "ANNSMITH1!",
        "  2024-Ann Smith-2024",
        "ann.smith",
        "Ann.Smith@Example.com",
        "ann.smith@example.com1",
        "häuser&söhne",
        "HÄUSER & SÖHNE 24",
        "Häuser & Söhne 2025",
        "Grantory",
        "grantory123",
        "!!Grantory!!",
        wide("grantory1"),
    ],
)
def test_a_name_that_others_know_is_no_password(password: str) -> None:
    assert "a name that others know" in str(problem(password))


@pytest.mark.parametrize(
    "password",
    ["aaaaaaaa", "AAAAaaaa", "abababab", "        ", "1 1 1 1 1", "////////", "aabbbbba"],
)
def test_one_or_two_characters_again_and_again_are_no_password(password: str) -> None:
    assert "repeat" in str(problem(password))


@pytest.mark.parametrize(
    "password",
    [
        "12345678",
        "87654321",
        "1234567890",
        "4567890123",
        "abcdefgh",
        "ZYXWVUTS",
        "uvwxyzab",
        "0123456789" * 12,
        "stuvwxyzabcdefghijklmnop",
    ],
)
def test_a_sequence_is_no_password(password: str) -> None:
    assert "sequence" in str(problem(password))


def test_names_without_letters_count_as_they_are() -> None:
    assert "name" in str(password_problem("4711 0815", known=["4711 0815"]))
    assert "name" in str(password_problem("47110815", known=["4711 0815"]))
    assert password_problem("47110816", known=["4711 0815"]) is None
    assert password_problem("quiet harbor", known=["", " ", "42", "!"]) is None


@pytest.mark.parametrize("least", [8, 15, 64])
def test_characters_are_counted_as_unicode_has_them(least: int) -> None:
    mixed = "xyz4 " * 13
    assert problem(mixed[:least], least) is None
    assert f"at least {least} characters" in str(problem(mixed[: least - 1], least))
    # A letter with its accent is one character, as one or as two code points.
    accents = unicodedata.normalize("NFD", "éàùôñ") * 13
    assert problem(accents[: least * 2], least) is None
    assert "at least" in str(problem(accents[: least * 2 - 2], least))


def test_there_is_a_greatest_length() -> None:
    sentence = "a long one, all of it " * 40
    assert problem(sentence[:MOST_CHARACTERS]) is None
    for password in (sentence[: MOST_CHARACTERS + 1], sentence, "x" * 1_000_000):
        assert problem(password) == "must have at most 128 characters"
    # One code point that stands for eighteen letters.
    assert problem("\ufdfa" * 7 + "ab") is None
    assert problem("\ufdfa" * 8) == "must have at most 128 characters"
    # And 128 letters, each of which comes in four code points.
    letter = unicodedata.normalize("NFD", "\u1f82")
    assert len(letter) == 4
    assert problem((letter + "ab") * 42) is None


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=150)


@given(WORDS, st.sampled_from([8, 15]))
@example("password", 8)
@example("ann smith\x00", 8)
def test_no_text_breaks_the_rules_or_is_told_back(password: str, least: int) -> None:
    found = problem(password, least)
    assert problem(normal_password(password), least) == found
    normal = normal_password(password)
    if found is None:
        assert least <= len(normal) <= MOST_CHARACTERS
        assert normal.casefold().strip() not in common_passwords()
    elif len(password) > 20:
        assert password not in found


@given(
    st.sampled_from(KNOWN),
    st.text("0123456789!?-_. ", max_size=20),
    st.text("0123456789!?-_. ", max_size=20),
)
def test_digits_and_punctuation_make_no_password_of_a_name(
    name: str, before: str, after: str
) -> None:
    password = before + name.swapcase() + after
    assume(len(password) >= 8)
    assert problem(password) is not None


@given(WORDS)
def test_nothing_is_asked_of_which_characters_there_are(password: str) -> None:
    """What one kind of characters alone makes is as good as any other."""
    letters = "".join(chr(ord("a") + ord(character) % 26) for character in password)
    assume(len(set(letters)) > 2)
    found = password_problem(letters[:MOST_CHARACTERS])
    assert found is None or "sequence" in found


def test_the_list_of_common_passwords_is_there_and_holds_none_that_is_too_short() -> None:
    common = common_passwords()
    assert len(common) > 10_000
    assert {"password", "12345678", "iloveyou"} <= common
    assert min(map(len, common)) >= 8
    assert all(password == normal_password(password).casefold() for password in common)
