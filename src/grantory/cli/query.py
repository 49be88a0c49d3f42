"""``--query``: what is wanted of an answer, as JMESPath says it (https://jmespath.org)."""

import json
from typing import Any, Final

_OF_PYTHON: Final = (ArithmeticError, RecursionError, TypeError)
"""What comes of an expression that JMESPath's own checks let pass."""


class Query:
    """An expression.

    Args:
        expression: such as ``[?state=='inactive'].id``.

    Raises:
        ValueError: if it is none, or could find nothing in any answer; the text says where.
    """

    def __init__(self, expression: str) -> None:
        # Nobody else has to wait for it to be loaded.
        import jmespath
        from jmespath.exceptions import JMESPathError

        self._errors = (JMESPathError, *_OF_PYTHON)
        try:
            self._compiled = jmespath.compile(expression)
            _refuse_what_always_fails(self._compiled.parsed)
        except self._errors as error:
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
            if not as_json:
                if isinstance(found, list) and found and all(map(_is_plain, found)):
                    return "".join(f"{_bare(each)}\n" for each in found)
                if isinstance(found, str):
                    return f"{_bare(found)}\n"
            return json.dumps(found, indent=2) + "\n"
        except self._errors as error:
            raise ValueError(_one_line(error)) from None


def _refuse_what_always_fails(node: dict[str, Any]) -> None:
    """Looks for functions that there are not, or that are given too much, too little or no number.

    What is refused by the answer alone comes too late for a command that changes something.
    """
    from jmespath.exceptions import ArityError, UnknownFunctionError, VariadictArityError
    from jmespath.functions import Functions
    from jmespath.visitor import TreeInterpreter

    children = node.get("children", [])
    if node["type"] == "slice":
        if children[2] == 0:
            raise ValueError("a slice cannot have a step of 0")
        return
    if node["type"] == "function_expression":
        name, given = node["value"], len(children)
        if name not in Functions.FUNCTION_TABLE:
            raise UnknownFunctionError(f"Unknown function: {name}()")
        wanted = Functions.FUNCTION_TABLE[name]["signature"]
        if wanted[-1].get("variadic"):
            if given < len(wanted):
                raise VariadictArityError(len(wanted), given, name)
        elif given != len(wanted):
            raise ArityError(len(wanted), given, name)
        if all(child["type"] == "literal" for child in children):
            TreeInterpreter().visit(node, None)
    for child in children:
        _refuse_what_always_fails(child)


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _bare(value: Any) -> str:
    """A text without what would be taken for the next one, or for a terminal's own language."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in str(value))


def _one_line(error: Exception) -> str:
    """What is wrong, without the value that it is wrong with, which may be a secret."""
    function = getattr(error, "function_name", None)
    wanted = getattr(error, "expected_types", None)
    if wanted is not None:
        received = getattr(error, "actual_type", "something else")
        return f"{function}() takes {' or '.join(wanted)}, and was given {received}"
    return " ".join(str(error).split())
