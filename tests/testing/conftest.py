"""The settings that the server of these tests has."""

from collections.abc import Mapping
from typing import Any

import pytest


@pytest.fixture(scope="session")
def grantory_settings() -> Mapping[str, Any]:
    return {"grants.password": True, "http.cors_origins": ["http://page.example"]}
