"""The authorization code grant (RFC 6749 section 4.1.3, RFC 7636 section 4.6)."""

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from grantory.domain.client import GrantType
from grantory.domain.code import AuthorizationCode, StandingNow, TokenFamily
from grantory.domain.opaque import OpaqueKind, digest_of_opaque
from grantory.errors import OAuthError, RefusalReason
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Store, Transaction
from grantory.protocol import pkce
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.families import Redeemed, end_family
from grantory.protocol.grants.decision import Decision
from grantory.protocol.refresh_tokens import RefreshTokens
from grantory.protocol.scopes import remaining_scopes
from grantory.protocol.together import Together
from grantory.protocol.token_request import TokenRequest
from grantory.protocol.vouch import Vouch

_NOT_PROVEN: Final = "invalid_client"


class _Asked(NamedTuple):
    digest: bytes
    request: TokenRequest
    caller: Caller
    family_id: str


class AuthorizationCodeGrant:
    """Redeems a code, once.

    A code that has a challenge is redeemed with the verifier, with the secret or without; one
    that has none needs the secret. Whoever has shown the secret gets a refresh token. Any use by
    somebody who may call counts, so that a code that went astray is of no use to the next; a
    second use ends what the first has led to (section 4.1.2).

    Args:
        store: holds the codes.
        refresh_tokens: writes the refresh token.
        clock: the time.
        random: for ids.
        refresh_seconds: how long a refresh token may lie unused.
    """

    name: ClassVar = "authorization_code"
    grant_type: ClassVar = GrantType.AUTHORIZATION_CODE
    admits_public: ClassVar = True
    uses_up: ClassVar = True

    def __init__(
        self,
        store: Store,
        refresh_tokens: RefreshTokens,
        clock: Clock,
        random: Random,
        refresh_seconds: int,
    ) -> None:
        self._redemptions: Together[_Asked, Redeemed | OAuthError] = Together(store, self._redeem)
        self._refresh_tokens = refresh_tokens
        self._clock = clock
        self._random = random
        self._refresh_seconds = refresh_seconds

    async def decide(self, request: TokenRequest, caller: Caller) -> Decision:
        """Allows what the user has allowed.

        Raises:
            OAuthError: ``invalid_grant`` for a code that is not good, whatever the reason;
                ``invalid_client`` where the secret is lacking.
        """
        digest = digest_of_opaque(OpaqueKind.CODE, request.required("code"))
        if digest is None:
            raise _refusal("no code of this server")
        asked = _Asked(digest, request, caller, self._random.uuid())
        organization_id = caller.record.client.organization_id
        vouch = Vouch(await self._refresh_tokens.newest_key_id(organization_id), _refusal)
        outcome = await self._redemptions.make(asked)
        if isinstance(outcome, OAuthError):
            raise outcome
        family = outcome.family
        refresh = await self._refresh_tokens.write(family, vouch) if family.generation else None
        return Decision(family.scopes, outcome.user, family, refresh, vouch)

    def _redeem(
        self, transaction: Transaction, asked: Sequence[_Asked], is_alone: bool
    ) -> list[Redeemed | OAuthError | None]:
        """Returns a refusal where other functions raise one: what was noted of it must stay."""
        now = self._clock.now_ms()
        digests = list({each.digest: None for each in asked})
        codes = transaction.codes.hold(digests, wait=is_alone)
        sessions = _sessions(transaction, [code for code, _ in codes.values()], is_alone)
        if is_alone and sessions:  # they may have been waited for: how does everybody stand now?
            codes = transaction.codes.hold(digests, wait=True)
        used: dict[bytes, str | None] = {}
        begun: list[TokenFamily] = []
        outcomes: list[Redeemed | OAuthError | None] = []
        for each in asked:
            found = codes.get(each.digest)
            if found is None:  # there is none, or somebody else has locked it
                outcomes.append(_refusal("unknown code") if is_alone else None)
                continue
            code, standing = found
            is_held = code.session_id is None or code.session_id in sessions
            if not is_alone and (code.used_at is not None or each.digest in used or not is_held):
                outcomes.append(None)
                continue
            if code.used_at is not None:
                outcomes.append(_reused(transaction, code, each.request, each.caller, now))
                continue
            outcome = self._outcome(code, standing if is_held else None, each, now)
            if isinstance(outcome, Redeemed):
                begun.append(outcome.family)
                used[each.digest] = outcome.family.id
            elif outcome.error != _NOT_PROVEN:
                used[each.digest] = None
            outcomes.append(outcome)
        transaction.families.add_all(begun)
        transaction.codes.use(used, now)
        return outcomes

    def _outcome(
        self, code: AuthorizationCode, standing: StandingNow | None, asked: _Asked, now: int
    ) -> Redeemed | OAuthError:
        request, caller = asked.request, asked.caller
        proven = caller.is_authenticated or code.challenge is not None
        if not proven and "code_verifier" not in request.form:
            return OAuthError(
                _NOT_PROVEN,
                "client authentication is missing",
                status=401,
                challenge=True,
                reason=RefusalReason.NO_CREDENTIALS,
            )
        problem = _problem(code, request, caller, now)
        scopes = remaining_scopes(code.scopes, caller.record.client)
        stands = standing is not None and standing.is_as_then(code.epochs)
        if problem or scopes is None or not stands:
            return _refusal(problem or "user, client, session or scopes ended meanwhile")
        return Redeemed(self._family(code, caller, asked.family_id, now, scopes), scopes)

    def _family(
        self,
        code: AuthorizationCode,
        caller: Caller,
        family_id: str,
        now: int,
        scopes: tuple[str, ...],
    ) -> TokenFamily:
        lifetime = caller.record.client.access_token_lifetime
        if caller.is_authenticated:
            lifetime = max(lifetime, self._refresh_seconds)
        return TokenFamily(
            id=family_id,
            organization_id=code.organization_id,
            client_id=code.client_id,
            user_id=code.user_id,
            session_id=code.session_id,
            scopes=scopes,
            epochs=code.epochs,
            created_at=now,
            expires_at=now + lifetime * 1000,
            generation=int(caller.is_authenticated),
            rotated_at=now,
        )


def _problem(code: AuthorizationCode, request: TokenRequest, caller: Caller, now: int) -> str:
    verifier = request.form.get("code_verifier")
    if code.client_id != caller.record.client.id:
        return "another client's code"
    if now >= code.expires_at:
        return "expired"
    if request.form.get("redirect_uri") != code.redirect_uri:
        return "another redirect_uri"
    if code.challenge is None:
        return "" if verifier is None else "a verifier without a challenge"
    if verifier is None:
        return "the verifier is missing"
    return "" if pkce.fits(verifier, code.challenge) else "a wrong verifier"


def _sessions(
    transaction: Transaction, codes: Sequence[AuthorizationCode], is_alone: bool
) -> frozenset[str]:
    """Holds the login sessions in which codes were given, and returns those that are there.

    Those of used codes matter no more: whoever uses one again is to wait for the family alone.
    """
    ids = {code.session_id for code in codes if code.session_id and code.used_at is None}
    if is_alone:
        return frozenset(each for each in ids if transaction.logins.hold(each))
    return transaction.logins.hold_all(sorted(ids))


def _reused(
    transaction: Transaction,
    code: AuthorizationCode,
    request: TokenRequest,
    caller: Caller,
    now: int,
) -> OAuthError:
    family = None
    if code.family_id is not None:
        family = transaction.families.get_for_change(code.family_id)
    if family is not None and family.is_live:
        end_family(
            transaction, family, "an authorization code was used twice", request, caller, now
        )
    return _refusal("used before", RefusalReason.CODE_REUSED)


def _refusal(detail: str, reason: RefusalReason = RefusalReason.CODE) -> OAuthError:
    return OAuthError(
        "invalid_grant",
        "the authorization code is not valid, has expired, or was used already",
        detail=detail,
        reason=reason,
    )
