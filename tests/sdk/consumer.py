"""A program as people write it, which type checkers read in their strict mode: it is never run."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

from grantory_sdk import (
    Answer,
    ApiError,
    AsyncGrantory,
    AuthorizationCode,
    BadRequest,
    Change,
    ClientCredentials,
    Grantory,
    Listing,
    MadeChanges,
    OAuthClient,
    PermissionPolicy,
    RefreshToken,
    Role,
    RoleDivision,
    SamlBearer,
    TokenSource,
    capture_answers,
    compat,
)
from grantory_sdk.compat.rest import ApiException
from grantory_sdk.models import OAuthClientRequest

kept: list[str] = []
SOURCES: list[TokenSource] = [
    ClientCredentials("id", "secret"),
    AuthorizationCode("id", on_renewed=kept.append),
    RefreshToken("id", None, "token", on_renewed=kept.append),
    SamlBearer("id", "secret", organization="Example", assertion=lambda: "assertion"),
]


def create(grantory: Grantory) -> str:
    policy = PermissionPolicy(domain="oauth", entity_name="client", action_set=["view"])
    role: Role = grantory.roles.create(name="reader", permission_policies=[policy])
    made: OAuthClient = grantory.oauth_clients.create(
        name="report",
        authorized_grant_type="CLIENT-CREDENTIALS",
        role_divisions=[RoleDivision(role.id)],
        date_to_delete=datetime.now(UTC) + timedelta(days=30),
    )
    changed = grantory.oauth_clients.update(made.id, description=None, state="inactive")
    since: datetime | None = changed.date_created
    if since is not None:
        kept.append(since.isoformat())
    return made.secret or ""


def create_both(grantory: Grantory) -> list[str]:
    made: MadeChanges = grantory.changes.apply(
        [
            Change(operation="postAuthorizationRoles", key="r", body={"name": "reader"}),
            Change(
                operation="postOauthClients",
                body=OAuthClientRequest(
                    name="report",
                    authorized_grant_type="CLIENT-CREDENTIALS",
                    role_divisions=[RoleDivision("#r")],
                ),
            ),
        ],
        dry_run=False,
    )
    return [each.secret for each in made.changes if each.secret is not None]


def names(grantory: Grantory) -> Iterator[str]:
    listing: Listing[OAuthClient] = grantory.oauth_clients.list(state="active", page_size=500)
    for each in listing:
        yield each.name
    for page in grantory.users.list().pages():
        yield from (user.email or "" for user in page.entities)


async def awaited_names(grantory: AsyncGrantory) -> AsyncIterator[str]:
    async for each in grantory.roles.list(permission=["oauth:client:view"]):
        yield each.name
    first = await grantory.divisions.list().first()
    if first is not None:
        yield first.name


def refused(grantory: Grantory) -> list[str]:
    try:
        grantory.with_options(timeout=5, max_retries=0).oauth_clients.delete("id")
    except BadRequest as error:
        return [f"{detail.field_name}: {detail.error_code}" for detail in error.details]
    except ApiError as error:
        waits: float = error.retry_after or 0.0
        return [error.code, error.correlation_id, str(error.status), str(waits)]
    return []


def raw(grantory: Grantory) -> Answer:
    with capture_answers() as answers:
        grantory.tokens.me()
    return answers[-1]


def under_the_old_names() -> list[str]:
    compat.configuration.host = "http://127.0.0.1:8080"
    compat.configuration.access_token = "token"
    body = compat.OAuthClientRequest()
    body.name = "report"
    try:
        made = compat.OAuthApi().post_oauth_clients(body)
    except ApiException as error:
        return [str(error.status), error.body or ""]
    return [each.name or "" for each in compat.OAuthApi().get_oauth_clients().entities or [made]]


async def main() -> None:
    async with AsyncGrantory("http://127.0.0.1:8080", auth=SOURCES[0]) as grantory:
        print([name async for name in awaited_names(grantory)])
    with Grantory(region="eu-central-1", profile="cloud") as blocking:
        print(create(blocking), *names(blocking), refused(blocking), raw(blocking).json())


if __name__ == "__main__":
    asyncio.run(main())
