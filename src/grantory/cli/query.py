"""``--query``: what is wanted of an answer, as JMESPath says it (https://jmespath.org)."""

import json
from typing import Any


class Query:
    """An expression.

    Args:
        expression: such as ``[?state=='inactive'].id``.

    Raises:
        ValueError: if it is none; the text says where.
    """

    def __init__(self, expression: str) -> None:
        # Nobody else has to wait for it to be loaded.
        import jmespath
        from jmespath.exceptions import JMESPathError

        self._errors = JMESPathError
        try:
            self._compiled = jmespath.compile(expression)
        except JMESPathError as error:
            raise ValueError(_one_line(error)) from None

    def text(self, document: Any, *, as_json: bool) -> str:
        """What is found, to be printed.

        Args:
            document: is looked through.
            as_json: whether JSON is wanted whatever is found. Otherwise a text stands as it is, and
                a list of texts and numbers one a line, as a shell reads them.

        Raises:
            ValueError: if a function is given what it does not take.
        """
        try:
            found = self._compiled.search(document)
        except self._errors as error:
            raise ValueError(_one_line(error)) from None
        if not as_json:
            if isinstance(found, list) and found and all(map(_is_plain, found)):
                return "".join(f"{_bare(each)}\n" for each in found)
            if isinstance(found, str):
                return f"{_bare(found)}\n"
        return json.dumps(found, indent=2) + "\n"


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _bare(value: Any) -> str:
    """A text without what would be taken for the next one, or for a terminal's own language."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in str(value))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
