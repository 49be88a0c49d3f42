"""Answering a person's yes: with a code, or with a token in the fragment."""

import msgspec

from grantory.domain.code import CODE_SECONDS, AuthorizationCode, Epochs, TokenFamily
from grantory.domain.opaque import OpaqueKind, compose_opaque, digest_of_opaque
from grantory.domain.organization import User
from grantory.domain.secret import SECRET_ENTROPY_BYTES
from grantory.errors import GrantoryError
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Store, Transaction
from grantory.protocol.access_tokens import TokenIssuer
from grantory.protocol.authorization.answers import ResponseType
from grantory.protocol.authorization.request import AuthorizationRequest
from grantory.protocol.grants.decision import Decision
from grantory.protocol.logins import Login
from grantory.protocol.standing import user_as_then
from grantory.protocol.vouch import Vouch


class LoginEnded(GrantoryError):
    """The session, the user or the client was ended while the person was being asked."""


class Standing(msgspec.Struct, frozen=True):
    """For whom, and by whose leave, something is issued."""

    user: User
    epochs: Epochs


class AnswerIssuer:
    """Issues codes and, for the implicit grant, tokens.

    Args:
        store: keeps codes and families.
        tokens: issues access tokens.
        clock: the time.
        random: for codes and ids.
    """

    def __init__(self, store: Store, tokens: TokenIssuer, clock: Clock, random: Random) -> None:
        self._store = store
        self._tokens = tokens
        self._clock = clock
        self._random = random

    async def answer(self, request: AuthorizationRequest, login: Login) -> str:
        """Returns the address to which the browser is sent.

        Raises:
            LoginEnded: where who was logged in is no more.
        """
        if request.response_type is ResponseType.CODE:
            return request.address.with_answer({"code": await self._code(request, login)})
        return request.address.with_answer(await self._token(request, login))

    async def _code(self, request: AuthorizationRequest, login: Login) -> str:
        secret = compose_opaque(OpaqueKind.CODE, self._random.token_bytes(SECRET_ENTROPY_BYTES))
        digest = digest_of_opaque(OpaqueKind.CODE, secret.reveal())
        if digest is None:
            raise LookupError("a new code is not of its own form")
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            standing = _standing(transaction, request, login)
            code = AuthorizationCode(
                digest=digest,
                organization_id=request.client.organization_id,
                client_id=request.client.id,
                user_id=standing.user.id,
                session_id=login.session.id,
                redirect_uri=request.redirect_uri,
                scopes=request.scopes,
                challenge=request.challenge,
                epochs=standing.epochs,
                created_at=now,
                expires_at=now + CODE_SECONDS * 1000,
            )
            transaction.codes.add(code)

        await self._store.write(work)
        return secret.reveal()

    async def _token(self, request: AuthorizationRequest, login: Login) -> dict[str, str]:
        family_id, now = self._random.uuid(), self._clock.now_ms()
        client = request.client
        vouch = Vouch(await self._tokens.make_ready(request.record), LoginEnded)

        def work(transaction: Transaction) -> Decision:
            standing = _standing(transaction, request, login)
            family = TokenFamily(
                id=family_id,
                organization_id=client.organization_id,
                client_id=client.id,
                user_id=standing.user.id,
                session_id=login.session.id,
                scopes=request.scopes,
                epochs=standing.epochs,
                created_at=now,
                expires_at=now + client.access_token_lifetime * 1000,
                rotated_at=now,
            )
            transaction.families.add(family)
            return Decision(request.scopes, standing.user, family, vouch=vouch)

        decision = await self._store.write(work)
        text, lifetime = await self._tokens.issue(request.record, decision)
        return {"access_token": text, "expires_in": str(lifetime), "token_type": "bearer"}


def _standing(transaction: Transaction, request: AuthorizationRequest, login: Login) -> Standing:
    """Looks once more, where nothing can change meanwhile, who is logged in.

    What counts is how things stood when the request was read: a consent that was taken back since
    has raised the client's epoch.
    """
    if not transaction.logins.hold(login.session.id):
        raise LoginEnded
    client, organization = request.client, request.organization
    epochs = Epochs(organization.token_epoch, client.token_epoch, login.session.user_epoch)
    user = user_as_then(transaction, organization.id, client.id, login.user.id, epochs)
    if user is None:
        raise LoginEnded
    return Standing(user, epochs)
