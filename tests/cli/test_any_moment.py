"""Ctrl-C at a moment that is drawn by lot: what a command did not tell of was not made."""

import time
from pathlib import Path
from random import Random

import pytest

from grantory.testing.server import GrantoryServer
from tests.support.soak import rounds, soaking
from tests.support.terminal import Terminal

LONGEST = 0.8
"""Seconds after which most commands have come to their end."""
BY_THE_SYSTEM = -2
"""How a program ends that hears no signal yet, or no more."""


@pytest.mark.timeout(rounds(120, 3_600))
def test_what_was_made_is_told(grantory_server: GrantoryServer, tmp_path: Path) -> None:
    lots = Random() if soaking() else Random(7)
    own = grantory_server.client
    environment = {
        "GRANTORY_URL": grantory_server.url,
        "GRANTORY_CLIENT_ID": own.id,
        "GRANTORY_CLIENT_SECRET": own.secret,
    }
    for number in range(rounds(4, 300)):
        name, moment = f"d{number}", lots.uniform(0, LONGEST)
        given = ("divisions", "create", name)
        with Terminal(*given, environment=environment, folder=tmp_path) as shown:
            time.sleep(moment)  # no condition, but a moment: whatever the command does then
            shown.write("\x03")
            status = shown.end()
        listed = grantory_server.call("GET", "/api/v2/authorization/divisions?pageSize=500")
        made = [each["id"] for each in listed["entities"] if each["name"] == name]
        told = [each for each in made if each in shown.screen]
        assert told == made, (moment, status, shown.screen)
        assert status in ((BY_THE_SYSTEM, 0, 130) if made else (BY_THE_SYSTEM, 1, 130)), (
            moment,
            status,
            shown.screen,
        )
