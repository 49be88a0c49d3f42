"""The SAML bearer grant on a store of its own, asked past the token endpoint."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest

from grantory.domain.client import Client, ClientRecord, GrantType
from grantory.domain.trust import IdentityProvider
from grantory.errors import OAuthError, RefusalReason
from grantory.ports.storage import Transaction
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.grants.decision import Decision
from grantory.protocol.grants.saml2_bearer import Saml2Bearer
from grantory.protocol.saml.threads import AssertionThreads
from grantory.protocol.token_request import TokenRequest
from grantory.storage.database import OpenStore
from grantory.storage.sqlite import schema
from tests.support.backends import BACKENDS
from tests.support.entities import OTHER_ORG, a_client, a_user, an_organization, put
from tests.support.runtime import FakeClock
from tests.support.saml import EMAIL, PUBLIC_URL, Element, a_provider, encoded

DESCRIPTION = "the assertion is not valid, not meant for this server, or was used before"


class SamlGrant:
    """Two organisations with a client and a user each, the first with an identity provider."""

    def __init__(self, store: OpenStore, clock: FakeClock) -> None:
        self.store = store
        self.clock = clock
        self.threads = AssertionThreads()
        self.grant = Saml2Bearer(store, clock, PUBLIC_URL, self.threads)
        self.client = a_client(grant_type=GrantType.SAML2_BEARER, scopes=("users", "oauth"))
        self.others_client = msgspec.structs.replace(
            self.client, id=a_client(2).id, organization_id=OTHER_ORG
        )
        self.user = a_user(email=EMAIL)
        self.others_user = a_user(2, email=EMAIL, organization_id=OTHER_ORG)

    async def set_up(self, *providers: IdentityProvider) -> None:
        """Put everything into the store."""

        def work(transaction: Transaction) -> None:
            put(
                an_organization(1, name="Example Ltd", domain="example.com"),
                an_organization(2, name="Other"),
                self.user,
                self.others_user,
            )(transaction)
            for provider in providers:
                transaction.trust.add(provider)

        await self.store.write(work)

    async def ask(
        self, assertion: Element | bytes | str, client: Client | None = None, **form: str
    ) -> Decision:
        """Let the grant decide."""
        text = assertion if isinstance(assertion, str) else encoded(assertion)
        request = TokenRequest({"assertion": text, **form}, None, "192.0.2.1")
        record = ClientRecord(client or self.client, {}, bytes(16))
        return await self.grant.decide(request, Caller(record, is_authenticated=True))

    async def refused(
        self, assertion: Element | bytes | str, client: Client | None = None, **form: str
    ) -> str:
        """What the log is told of a refusal, of which the caller learns nothing."""
        with pytest.raises(OAuthError) as caught:
            await self.ask(assertion, client, **form)
        error = caught.value
        assert (error.error, error.status) == ("invalid_grant", 400)
        assert error.description == DESCRIPTION
        assert error.reason is RefusalReason.ASSERTION
        assert error.detail.startswith("assertion: ")
        return error.detail.removeprefix("assertion: ")


@asynccontextmanager
async def saml_grant(
    folder: Path, kind: str = "sqlite", *providers: IdentityProvider
) -> AsyncIterator[SamlGrant]:
    """The grant on a kind of database, with these providers; by default one that is trusted."""
    clock = FakeClock()
    if kind == "sqlite":
        (folder / "grantory.db").write_bytes(_empty_file())
    with BACKENDS[kind](folder) as backend:
        store = await backend.open(clock)
        made = SamlGrant(store, clock)
        try:
            await made.set_up(*(providers or (a_provider(),)))
            yield made
        finally:
            made.threads.close()
            await store.close()


@cache
def _empty_file() -> bytes:
    """A file with tables, which is faster copied than made."""
    with TemporaryDirectory(prefix="grantory-test-") as name:
        file = Path(name) / "grantory.db"
        schema.upgrade(file)
        return file.read_bytes()
