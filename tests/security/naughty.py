"""Strings that are known for trouble, and what an answer to them must look like."""

from collections.abc import Sequence

import httpx2 as httpx

from tests.security.answers import error_of
from tests.support.soak import soaking
from tests.support.world import World

NAUGHTY = [
    "",
    " ",
    "null",
    "undefined",
    "true",
    "NaN",
    "-1",
    "0",
    "1e400",
    "9" * 400,
    "0x10",
    "\u0661",
    "1;DROP TABLE clients",
    "' OR '1'='1",
    '" OR ""="',
    "') OR 1=1 --",
    "1 UNION SELECT name, sql FROM sqlite_master",
    "%' AND 1=randomblob(100000000) --",
    "x' || (SELECT digest FROM client_secrets) || '",
    "%",
    "_",
    "*",
    "[a-z]*",
    "\\",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "file:///etc/passwd",
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "${jndi:ldap://127.0.0.1/a}",
    "{{7*7}}",
    "%s%n%x",
    "$(id)",
    "`id`",
    "a\r\nSet-Cookie: b=c",
    "\x01\x02\x1b[31m",
    "\x7f",
    "\u0000",
    "\ufeff",
    "\u202e",
    "\ufffe",
    "\U0001f511",
    "\u0130\u0131\u00df\ufb01",
    "e" + "\u0301" * 300,
    "a" * 3000,
]
BYTES = ["%00", "%ff", "%c0%af", "%ed%a0%80", "%", "%zz", "%u0041", "a%00b", "+", "%2F", "%252e"]


def calm(answer: httpx.Response) -> httpx.Response:
    """Asserts that an answer is a right one or a refusal in the platform's form."""
    assert answer.status_code < 500, f"{answer.request.url} {answer.text}"
    if answer.status_code >= 400 and answer.request.method != "HEAD":
        error_of(answer)
    assert "Traceback" not in answer.text
    told = answer.text.lower().replace("sqlite_master", "")
    assert not any(word in told for word in ("sqlite", "asyncpg", "postgres", "syntax error"))
    return answer


def drawn(world: World, values: Sequence[str], turn: int, share: int = 1) -> Sequence[str]:
    """One of so many of the values, others at every turn; a third of that on PostgreSQL.

    All of them where a run has hours.
    """
    if soaking():
        return values
    step = share * 3 if world.settings.database_url else share
    return values[turn % step :: step]
