"""docs/compatibility/models.md tells of every field that the official Python SDK's models have."""

import pytest

from tests.compat.test_models import ADDRESSES, OURS_ALONE, OWN_FIELDS, REQUESTS, theirs
from tests.support.compatibility_record import ABSENT, told_models

pytestmark = pytest.mark.compat


def test_every_field_of_theirs_is_told_and_no_other_is_used() -> None:
    wrong = []
    for name, told in told_models().items():
        if name in OURS_ALONE:
            continue
        fields = set(theirs()[REQUESTS.get(name, name)])
        ours = ADDRESSES if name.endswith("Listing") else set()
        ours = ours | OWN_FIELDS.get(REQUESTS.get(name, name), set())
        untold = fields - set(told)
        # A table of several models has a row for what only one of them has.
        used = {field for field, cell in told.items() if cell not in ABSENT}
        if untold or not used <= fields | ours:
            wrong.append(f"{name}: {untold | used - fields - ours}")
    assert not wrong, "\n".join(wrong)
