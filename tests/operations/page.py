"""docs/operations.md, block by block: the tests of this folder run it as it stands."""

import re
from typing import Final

from tests.support.page import Page

PAGE: Final = Page("operations")

INSTALL: Final = PAGE.block("console", under="One machine")
MAKE_DATABASE: Final = PAGE.block("console", under="Several nodes on PostgreSQL")
NODE_FILE: Final = PAGE.block("toml", under="Several nodes on PostgreSQL")
WAIT_FOR_STANDBY: Final = PAGE.block("console", under="Failover")
BOTH_HOSTS: Final = PAGE.block("console", 2, under="Failover")
UPGRADE: Final = PAGE.block("console", under="Upgrade")
METRICS_FILE: Final = PAGE.block("toml", under="Metrics")
SCRAPES: Final = PAGE.block("yaml", under="Metrics")
TRACES: Final = PAGE.block("console", under="Traces")
LARGE_STORE: Final = PAGE.block("console", under="Large organisations")
REFUSALS: Final = PAGE.block("console", under="Refused token requests")
BACKUP: Final = PAGE.block("console", under="Backup and restore")
RESTORE: Final = PAGE.block("console", 2, under="Backup and restore")
RECOVERED: Final = PAGE.block("console", under="Point-in-time recovery")
KEYS: Final = PAGE.block("console", under="Keys")
END_TOKENS: Final = PAGE.block("console", 2, under="Keys")

ELSEWHERE: Final = {
    PAGE.block("yaml", 2, under="Metrics"): (
        "rules for Prometheus, whose every series and label tests/observability/test_dashboard.py"
        " looks for in what a server tells"
    ),
}
"""Blocks that are not run here, and why."""

IN_THE_TEXT: Final = frozenset(re.findall(r"`(grantory [^`]+)`", PAGE.text))
"""Commands within sentences."""
BACK_UP_AGAIN: Final = "grantory backup"
RESTORE_AGAIN: Final = "grantory restore"
REWRAP: Final = "grantory keys rewrap"
REWRAP_AT_ONCE: Final = "grantory keys rewrap --at-once"
END_ALL: Final = "grantory db recovered"
TELL_REVISION: Final = "grantory db current"
CHECK_TABLES: Final = "grantory db check"
UPGRADE_TABLES: Final = "grantory db upgrade"
MAKE_LISTS: Final = "grantory db relist"
NEW_SECRET: Final = "grantory clients rotate CLIENT_ID"
RUN_FROM_THE_TEXT: Final = frozenset(
    (
        *(BACK_UP_AGAIN, RESTORE_AGAIN, REWRAP, REWRAP_AT_ONCE, END_ALL),
        *(TELL_REVISION, CHECK_TABLES, UPGRADE_TABLES, MAKE_LISTS, NEW_SECRET),
    )
)
NEW_MASTER_KEY: Final = "head -c 32 /dev/urandom | base64"


def commands(block: str) -> list[str]:
    """The commands of a block that holds nothing else, one a line."""
    lines = block.splitlines()
    assert all(line.startswith("grantory ") for line in lines), block
    return lines
