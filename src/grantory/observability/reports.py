"""What the log says about the server's own work when that cannot be done as it should."""

from grantory.domain.token import SealedKey
from grantory.errors import SetupError
from grantory.observability.events import log


def report_held_back(reason: str) -> None:
    """Says that nothing is removed from the store, and why."""
    log().warning("nothing is removed from the store: a clock is wrong", reason=reason)


def report_refusals(lost: int, waiting: int, reason: str) -> None:
    """Says how many refused requests are not in the store, for good and for now."""
    log().warning(
        "refused token requests could not be recorded", lost=lost, waiting=waiting, reason=reason
    )


def report_unreadable(key: SealedKey, error: SetupError) -> None:
    """Says which private key cannot be opened; what needs it is answered with 503."""
    log().error(
        "a private key of JWTs cannot be opened",
        key=key.key_id.hex(),
        algorithm=key.algorithm,
        organization=key.organization_id,
        reason=str(error),
    )


def report_lists(reason: str) -> None:
    """Says that lists of clients are not brought up to date, and why."""
    log().warning("lists of clients are not brought up to date", reason=reason)


def report_failure(error: BaseException, correlation_id: str) -> None:
    """Says what nobody expected, with its trace."""
    log().error(
        "unexpected failure",
        correlation_id=correlation_id,
        kind=type(error).__name__,
        exc_info=error,
    )
