"""The dashboard under ``deploy/`` shows what a server really tells."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grantory.observability.reasons import ISSUED
from tests.observability.test_served_metrics import metered, settled
from tests.support.processes import wait_until
from tests.support.scrape import Scrape, scrape
from tests.support.world import CLIENTS

FILE = Path(__file__).resolve().parents[2] / "deploy" / "grafana-dashboard.json"
NAME = re.compile(r"\b(?:grantory|process)_[a-z_]+\b")
SELECTOR = re.compile(r"\b((?:grantory|process)_[a-z_]+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')
BY = re.compile(r"\b(?:by|ignoring|on) \(([^)]*)\)")


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
    return found


def targets() -> list[dict[str, Any]]:
    return [target for panel in dashboard()["panels"] for target in panel.get("targets", [])]


EXPRESSIONS = [target["expr"] for target in targets()]
PAGE = FILE.parents[1] / "docs" / "operations.md"
ALARMS = re.findall(r"^ +expr: (.+)$", PAGE.read_text("utf-8"), re.M)


@pytest.fixture(scope="module")
def seen() -> Iterator[Scrape]:
    """What a server on PostgreSQL tells, which has everything, after some work."""
    with metered("postgresql", 2) as server:
        token = server.token()
        server.call("POST", CLIENTS, {"name": "a", "authorizedGrantType": "CODE"}, token=token)
        server.call("GET", CLIENTS, token=token)
        wait_until(
            lambda: (
                {"grantory_lease_age_seconds", "grantory_store_size_bytes"} <= scrape(server).names
            ),
            "lease and size",
        )
        yield settled(server, "grantory_http_requests_total", 1, method="POST", route=CLIENTS)


def test_every_series_that_it_asks_for_is_told(seen: Scrape) -> None:
    asked = {name for expression in EXPRESSIONS for name in NAME.findall(expression)}
    assert len(asked) > 15
    assert not asked - seen.names
    assert not {name for alarm in ALARMS for name in NAME.findall(alarm)} - seen.names
    told = {name for name in seen.names if not name.endswith(("_bucket", "_count", "_sum"))}
    told |= {
        "grantory_http_request_duration_seconds_bucket",
        "grantory_store_duration_seconds_bucket",
    }
    assert not told - asked, "told and not shown"


def labels_of(seen: Scrape, name: str) -> set[str]:
    return {
        label
        for family in seen.families
        for sample in family.samples
        if sample.name == name
        for label in sample.labels
    }


def test_every_label_that_it_asks_for_is_there(seen: Scrape) -> None:
    added = {"instance", "job"}  # by Prometheus
    assert len(ALARMS) > 4
    for expression in (*EXPRESSIONS, *ALARMS):
        known = set(added)
        for name, matchers in SELECTOR.findall(expression):
            known |= labels_of(seen, name)
            for label, how, value in MATCHER.findall(matchers):
                assert label in labels_of(seen, name) | added, expression
                if how == "=" and label not in added:
                    assert value in seen.labels(name, label), expression
        for listed in BY.findall(expression):
            assert {label.strip() for label in listed.split(",")} <= known, expression
    assert ISSUED in seen.labels("grantory_token_requests_total", "outcome")


def test_its_source_is_a_variable_and_its_panels_stand_side_by_side() -> None:
    document = dashboard()
    source, node = document["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == (
        *("datasource", "datasource"),
        "prometheus",
    )
    assert node["name"] == "instance"
    taken: set[tuple[int, int]] = set()
    panels = document["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["title"]
        if panel["type"] != "row":
            assert panel["description"].endswith(".")
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["targets"]
    for target in targets():
        assert target["datasource"]["uid"] == "${datasource}"
        assert target["expr"].count("(") == target["expr"].count(")")
        assert '=~"$instance"' in target["expr"]
