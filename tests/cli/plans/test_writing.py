"""What is written reads back as it was, whatever stands in it."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grantory.cli.plans.document import read_document
from grantory.cli.plans.faults import Faults
from grantory.cli.plans.writing import Form, entry_text, section_start
from tests.cli.plans.texts import texts

values = st.recursive(
    texts() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, width=32,
                                                                     allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
policies = st.fixed_dictionaries(
    {"domain": texts(), "actions": st.lists(texts(), min_size=1, max_size=3)},
    optional={"resource_condition_node": st.dictionaries(texts(), values, min_size=1, max_size=2)},
)
entries = st.fixed_dictionaries(
    {"name": texts()},
    optional={
        "token_seconds": st.integers(0, 10**9),
        "scopes": st.lists(texts(), min_size=1, max_size=3),
        "policies": st.lists(policies, min_size=1, max_size=2),
    },
)


@pytest.mark.parametrize("form", ["yaml", "toml"])
@given(wanted=st.lists(entries, min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read(
    form: Form, wanted: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = _file(tmp_path_factory)
    text = section_start(form, "clients")
    text += "".join(entry_text(form, "clients", each) for each in wanted)
    file.write_text(text, encoding="utf-8")
    assert read_document(str(file), form, Faults("f")) == {"clients": wanted}


def _file(factory: pytest.TempPathFactory) -> Path:
    return factory.getbasetemp() / "written"
