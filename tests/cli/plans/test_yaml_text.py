"""YAML as files of plan and apply may have it."""

import pytest
import yaml

from grantory.cli.plans.yaml_text import MOST_LEVELS, read_yaml


def test_words_are_read_as_yaml_1_2_has_them() -> None:
    text = "[yes, no, on, y, 12:30, 0x1f, 2030-01-31, 1_000, 'true', true, null, ~, 7, 1e3, .5]"
    assert read_yaml(text) == [
        *("yes", "no", "on", "y", "12:30", "0x1f", "2030-01-31", "1_000", "true"),
        *(True, None, None, 7, 1000.0, 0.5),
    ]
    assert read_yaml("a: |\n  one\n  two\nb: >-\n  one\n  two\n") == {
        "a": "one\ntwo\n",
        "b": "one two",
    }
    assert read_yaml("") is None
    assert read_yaml("--- # nothing\n") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: !!python/object/apply:os.system [id]", "line 1: tags (!) are not read"),
        ("a: 1\nb: !!str 1", "line 2: tags"),
        ("a: ! 1", "tags"),
        ("a: &x 1", "anchors"),
        ("a: *x", "anchors"),
        ("? [a]\n: 1", "a key must be a text"),
        ("1: a", "a key must be a text"),
        ("a: 1\nb: 2\na: 3", "line 3: a key is repeated"),
        ("a: {b: 1, b: 2}", "a key is repeated"),
        ("a: 1\n---\nb: 2", "line 2: there is more than one document"),
        ("a: [", "line 2: no YAML"),
        ("a: \x07", "no YAML"),
        ("\tb: 1", "no YAML"),
        ("%YAML 3.0\n--- a", "no YAML"),
    ],
)
def test_what_is_not_read_is_told_by_its_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as refused:
        read_yaml(text)
    assert said in str(refused.value)


def test_levels_are_counted() -> None:
    assert read_yaml("[" * MOST_LEVELS + "]" * MOST_LEVELS)
    for deep in ("[" * 3_000_000, "{a: " * 1_000_000, "- " * 1_000_000, "? " * 1_000_000):
        with pytest.raises(ValueError, match=r"levels|nesting depth"):
            read_yaml(deep)


def test_without_the_parser_in_c_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert read_yaml("a: [yes, 1]\nb: |\n  c\n") == {"a": ["yes", 1], "b": "c\n"}
    refused = ("[" * 100_000, "? " * 100_000, "a: !x 1", "a: &x 1", "a: *x", "a: 1\na: 2", "a: [")
    for text in refused:
        with pytest.raises(ValueError, match="line"):
            read_yaml(text)
