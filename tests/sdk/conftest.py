"""Both halves of the SDK in turn."""

import pytest

from tests.support.halves import HALVES, Half


@pytest.fixture(params=HALVES)
def half(request: pytest.FixtureRequest) -> Half:
    """One half, and then the other."""
    chosen: Half = request.param
    return chosen
