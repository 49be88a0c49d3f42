"""The templates of the pages, and their style."""

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

_PACKAGE: Final = "grantory.http.login"


class Layout(NamedTuple):
    """The templates of this process, and the policy that goes with their style."""

    environment: Environment
    policy: str


@cache
def layout() -> Layout:
    """Reads templates and style, once."""
    environment = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    style = files(_PACKAGE).joinpath("style.css").read_text("utf-8")
    environment.globals["style"] = Markup(style)  # noqa: S704 -- a file of this package
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "frame-ancestors 'none'; base-uri 'none'; "
    )
    return Layout(environment, policy)


def written(template: str, fields: Mapping[str, Any]) -> str:
    """Fills a template in.

    Args:
        template: the name of its file.
        fields: what it asks for.
    """
    return layout().environment.get_template(template).render(fields)
