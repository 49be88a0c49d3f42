"""What each page of the login side shows."""

import msgspec


class LoginView(msgspec.Struct, frozen=True, kw_only=True):
    """The page that asks who a person is."""

    organization: str
    client: str
    client_description: str = ""
    request: str
    """What was asked for, in a form that only the server reads; at most 8 KiB."""
    csrf: str
    email: str = ""
    """What stands in the field already."""
    problem: str = ""
    """A sentence that says why the page is shown again; it never tells which part was wrong."""
    status: int = 200
    retry_after: int = 0
    """Seconds; 0 tells nothing."""
    sources: tuple[str, ...] = ()
    """Where the answer may go, as ``source_of`` tells it."""


class ConsentView(msgspec.Struct, frozen=True, kw_only=True):
    """The page that asks a person whether a client may act for them."""

    organization: str
    client: str
    client_description: str = ""
    user_name: str
    user_email: str
    scopes: tuple[tuple[str, str], ...] = ()
    """Names with what they mean; none stands for everything that the person may do."""
    request: str
    csrf: str
    other_user: str
    """The relative address that lets somebody else log in."""
    redirect_host: str
    """Where the answer goes, in a form that a person recognises."""
    sources: tuple[str, ...] = ()


class ErrorView(msgspec.Struct, frozen=True, kw_only=True):
    """The page for whatever must not be sent to an application."""

    status: int
    title: str
    message: str
    what_to_do: str = ""
    correlation_id: str
    retry_after: int = 0


class SignedOutView(msgspec.Struct, frozen=True, kw_only=True):
    """The page after a logout that leads nowhere else."""

    client: str = ""
    """The application that the person came from, if it is known."""
