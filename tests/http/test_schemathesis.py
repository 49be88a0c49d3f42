"""Every operation beside ``/openapi.json``: calls that schemathesis makes up from it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import BaseSchema, Case

from grantory.http.login.flow import AUTHORIZE
from grantory.http.login.logout import LOGOUT
from grantory.http.oauth.jwks import JWKS, JWKS_OF
from grantory.http.oauth.metadata import METADATA_PATH
from tests.support.about_tokens import INTROSPECT, REVOKE
from tests.support.generated_calls import LOTS, QUERIES, TOKEN, Lots, calling, cases, check, load
from tests.support.soak import databases, rounds
from tests.support.world import declared_operations, new_world

EXAMPLES = rounds(20, 500)
OPERATIONS = [(each.method, each.path, each.id, each.status) for each in declared_operations()]
OPERATIONS += [
    ("POST", TOKEN, "postOauthToken", 200),
    ("POST", INTROSPECT, "postOauthIntrospect", 200),
    ("POST", REVOKE, "postOauthRevoke", 200),
    ("GET", METADATA_PATH, "getOauthAuthorizationServer", 200),
    ("GET", JWKS, "getJwks", 200),
    ("GET", JWKS_OF, "getOauthJwks", 200),
    ("GET", AUTHORIZE, "getOauthAuthorize", 303),
    ("GET", LOGOUT, "getLogout", 303),
]
NEVER_DONE = {"putTokensTimeout"}
"""Whatever is asked of them is refused."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> BaseSchema:
    async def document() -> dict[str, Any]:
        async with new_world(tmp_path_factory.mktemp("schema") / "data") as world:
            found: dict[str, Any] = (await world.http.get("/openapi.json")).json()
            return found

    return load(asyncio.run(document()))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", databases())
@pytest.mark.parametrize(
    ("method", "path", "operation_id", "status"), OPERATIONS, ids=[each[2] for each in OPERATIONS]
)
def test_no_call_is_answered_otherwise_than_described(
    schema: BaseSchema,
    tmp_path: Path,
    database: str,
    method: str,
    path: str,
    operation_id: str,
    status: int,
) -> None:
    sent = 0
    with calling(tmp_path / "data", path, operation_id, database) as (runner, caller):

        @settings(
            max_examples=EXAMPLES,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(cases(schema[path][method]), QUERIES, LOTS)
        def call(case: Case[Any], query: str, bits: int) -> None:
            nonlocal sent
            sent += 1
            for answer in runner.run(caller.call(case, query, Lots(bits))):
                check(case, answer)

        call()
        assert sent >= EXAMPLES
        done = sum(count for (got, _), count in caller.seen.items() if got == status)
        assert (done > 0) is (operation_id not in NEVER_DONE), caller.seen
