"""What an actor asks a client to be, and the rules for it."""

import re
from typing import Final

import msgspec

from grantory.domain.access import Assignment
from grantory.domain.client import (
    DEFAULT_TOKEN_LIFETIME,
    MIN_TOKEN_LIFETIME,
    ClientState,
    GrantType,
    longest_token_lifetime,
)
from grantory.domain.redirect_uri import RedirectUriError, check_redirect_uri
from grantory.domain.signing import SigningAlgorithm
from grantory.errors import FieldProblem

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,100}", re.ASCII)
INVALID: Final = "invalid.value"
MAX_URI_BYTES: Final = 32_768


class ClientDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted contents of a client; what the grant type does not use is dropped.

    ``state`` None keeps the state there is; ``access_token_lifetime`` (seconds) None is the
    default. ``assignments`` wins over ``role_ids``, which leave the divisions open.
    ``jwt_algorithm`` unset keeps the form that tokens have; None asks for opaque ones, which a new
    client gets by default.
    """

    name: str
    grant_type: GrantType
    description: str | None = None
    access_token_lifetime: int | None = None
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    assignments: tuple[Assignment, ...] | None = None
    role_ids: tuple[str, ...] | None = None
    state: ClientState | None = None
    delete_at: int | None = None
    jwt_algorithm: SigningAlgorithm | msgspec.UnsetType | None = msgspec.UNSET

    def with_form_of(self, algorithm: SigningAlgorithm | None) -> "ClientDraft":
        """Gives the draft with a form of tokens where it names none."""
        if self.jwt_algorithm is not msgspec.UNSET:
            return self
        return msgspec.structs.replace(self, jwt_algorithm=algorithm)

    @property
    def wanted_algorithm(self) -> SigningAlgorithm | None:
        """The algorithm of the JWTs that are asked for, if it is those."""
        return None if self.jwt_algorithm is msgspec.UNSET else self.jwt_algorithm

    @property
    def lifetime(self) -> int:
        """The wanted token lifetime in seconds."""
        return self.access_token_lifetime or DEFAULT_TOKEN_LIFETIME

    @property
    def kept_redirect_uris(self) -> tuple[str, ...]:
        """The redirect URIs, without repeats, where the grant type has any."""
        return tuple(dict.fromkeys(self.redirect_uris)) if self.grant_type.has_redirect_uris else ()

    @property
    def kept_scopes(self) -> tuple[str, ...]:
        """The scopes, without repeats, where the grant type has any."""
        return () if self.grant_type.acts_for_itself else tuple(dict.fromkeys(self.scopes))


def problems_of(draft: ClientDraft) -> list[FieldProblem]:
    """Lists what is wrong with a draft, as far as the draft alone tells."""
    problems = []
    if not draft.name.strip():
        problems.append(FieldProblem("name", INVALID, "must not be blank"))
    as_jwt = draft.wanted_algorithm is not None
    longest = longest_token_lifetime(draft.grant_type, as_jwt=as_jwt)
    if draft.access_token_lifetime is not None and not (
        MIN_TOKEN_LIFETIME <= draft.access_token_lifetime <= longest
    ):
        what = "access tokens that are JWTs" if as_jwt else "this grant type"
        text = f"must be {MIN_TOKEN_LIFETIME} to {longest} seconds for {what}"
        problems.append(FieldProblem("access_token_lifetime", INVALID, text))
    if sum(map(len, draft.kept_redirect_uris)) > MAX_URI_BYTES:
        text = f"must have at most {MAX_URI_BYTES} characters in all"
        problems.append(FieldProblem("redirect_uris", INVALID, text))
    for uri in draft.kept_redirect_uris:
        try:
            check_redirect_uri(uri)
        except RedirectUriError as error:
            problems.append(FieldProblem("redirect_uris", INVALID, str(error)))
    for scope in draft.kept_scopes:
        if not _SCOPE.fullmatch(scope):
            text = "must be 1 to 100 printable ASCII characters without spaces and quotes"
            problems.append(FieldProblem("scopes", INVALID, text))
    if draft.grant_type.acts_for_itself and not (draft.assignments or draft.role_ids):
        text = "must name at least one role for this grant type"
        problems.append(FieldProblem("assignments", "missing.client.roles", text))
    return problems
