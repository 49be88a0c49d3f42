"""Lists of changes by the SDK: what is sent, what is read, and that nothing is sent twice."""

import json
from datetime import UTC, datetime

import httpx2 as httpx
import pytest

from grantory_sdk import AsyncGrantory, Change, Grantory, GrantoryError, MadeChange, MadeChanges
from grantory_sdk.models import OAuthClientRequest, RoleDivision
from tests.support.scripted import URL, Hand, Scripted, Step, answer, refused

SEEN = datetime(2026, 11, 28, 5, 0, 0, 123_000, tzinfo=UTC)
LIST = [
    Change(operation="postAuthorizationRoles", key="role:a", body={"name": "a"}),
    Change(
        operation="postOauthClients",
        body=OAuthClientRequest(
            name="nightly",
            authorized_grant_type="CLIENT-CREDENTIALS",
            role_divisions=[RoleDivision("#role:a")],
        ),
    ),
    Change(operation="deleteOauthClient", id="7", modified=SEEN),
]
SENT = {
    "changes": [
        {"operation": "postAuthorizationRoles", "key": "role:a", "body": {"name": "a"}},
        {
            "operation": "postOauthClients",
            "body": {
                "name": "nightly",
                "authorizedGrantType": "CLIENT-CREDENTIALS",
                "roleDivisions": [{"roleId": "#role:a", "divisionId": "*"}],
            },
        },
        {"operation": "deleteOauthClient", "id": "7", "modified": "2026-11-28T05:00:00.123Z"},
    ]
}
MADE = answer(
    200,
    {
        "applied": True,
        "changes": [
            {"operation": "postAuthorizationRoles", "key": "role:a", "id": "1"},
            {"operation": "postOauthClients", "id": "2", "secret": "the-secret-itself"},
            {"operation": "deleteOauthClient", "id": "7"},
        ],
    },
)


def connect(server: Scripted) -> Grantory:
    hand = Hand()
    return Grantory(
        URL, access_token="t", transport=server.transport, runtime=hand.blocking, max_retries=2
    )


def test_a_list_is_one_call_whose_answer_shows_no_secret() -> None:
    server = Scripted(MADE)
    with connect(server) as grantory:
        made = grantory.changes.apply(LIST)
    [request] = server.requests
    assert (request.method, str(request.url)) == ("POST", f"{URL}/api/v2/grantory/changes")
    assert json.loads(request.content) == SENT
    assert made == MadeChanges(
        applied=True,
        changes=[
            MadeChange(operation="postAuthorizationRoles", key="role:a", id="1"),
            MadeChange(operation="postOauthClients", id="2", secret="the-secret-itself"),
            MadeChange(operation="deleteOauthClient", id="7"),
        ],
    )
    assert "the-secret-itself" not in repr(made)


async def test_a_dry_run_says_so_in_the_query() -> None:
    server = Scripted(answer(200, {"applied": False, "changes": []}))
    async with AsyncGrantory(
        URL, access_token="t", transport=server.transport, runtime=Hand().awaited
    ) as grantory:
        made = await grantory.changes.apply(iter(LIST), dry_run=True)
    assert server.requests[0].url.query == b"dryRun=true"
    assert made == MadeChanges()


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadError("the connection was closed"),
        httpx.ReadTimeout("too slow"),
        refused(500),
        refused(502),
        refused(504),
        refused(503, "service.outcome.unknown"),
    ],
    ids=repr,
)
def test_what_may_have_been_made_is_not_sent_again(failure: Step) -> None:
    server = Scripted(failure, MADE)
    with connect(server) as grantory, pytest.raises(GrantoryError):
        grantory.changes.apply(LIST)
    assert len(server.requests) == 1


def test_what_was_surely_not_made_is_sent_again() -> None:
    server = Scripted(refused(503, "service.unavailable", retry_after="1"), MADE)
    with connect(server) as grantory:
        assert grantory.changes.apply(LIST).applied
    assert len(server.requests) == 2
