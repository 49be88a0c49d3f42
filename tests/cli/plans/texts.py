"""Texts that a reader may take for something else."""

from hypothesis import strategies as st

WORDS = (
    *("yes", "No", "null", "~", "true", "Off", "y", "1e3", "0x1f", "012", "1_000", ".5", ".inf"),
    *("12:30:00", "2030-01-31", "#x", "a #b", "a: b", "a:", "- a", "? a", "&a", "*a", "!a", "%a"),
    *(
        "@a",
        "`a",
        "|",
        ">",
        "[",
        "{a",
        "'",
        '"',
        "\\",
        "<<",
        "=",
        " a",
        "a ",
        "---",
        "...",
        "a\\nb",
    ),
    *('it\'s "so"', "世界", "\u00a0", "é\u0301", "\U0001f600", "\ufeff", "a\u2028b", "http://a/b"),
)
"""What YAML and TOML give a meaning to, and what terminals and readers stumble over."""


def texts(*, lines: bool = True) -> st.SearchStrategy[str]:
    """Texts of a file; where they may not have several lines, without control characters."""
    refused = ["Cs"] if lines else ["Cs", "Cc"]
    signs = st.characters(exclude_categories=refused, exclude_characters="\x00")  # type: ignore[arg-type]
    whole = st.text(signs, min_size=1, max_size=12)
    return st.sampled_from(WORDS) | whole
