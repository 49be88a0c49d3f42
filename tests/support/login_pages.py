"""Each page of the login side in each of its states, written from made-up people and clients."""

from grantory.http.login.pages import Pages
from grantory.http.login.views import ConsentView, ErrorView, LoginView, SignedOutView
from grantory.http.response import Response

ORGANIZATION = "Northwind Trading"
CLIENT = "Acme Desk"
EMAIL = "ada@example.com"
LONG_WORD = "Vereinigte-Donaudampfschifffahrtsgesellschaftskapitänsmützenfabrikation"
LONG_NAME = "X" * 120
LONG_TEXT = "It sorts what comes in and finds who answers best. " * 8


def a_login(
    *,
    organization: str = ORGANIZATION,
    client: str = CLIENT,
    client_description: str = "",
    request: str = "what-was-asked-for",
    email: str = "",
    problem: str = "",
    status: int = 200,
    retry_after: int = 0,
    sources: tuple[str, ...] = (),
) -> LoginView:
    return LoginView(
        organization=organization,
        client=client,
        client_description=client_description,
        request=request,
        csrf="csrf-of-this-browser",
        email=email,
        problem=problem,
        status=status,
        retry_after=retry_after,
        sources=sources,
    )


def a_consent(
    *,
    organization: str = ORGANIZATION,
    client: str = CLIENT,
    client_description: str = "",
    user_name: str = "Ada Lovelace",
    user_email: str = EMAIL,
    scopes: tuple[tuple[str, str], ...] = (),
    request: str = "what-was-asked-for",
    other_user: str = "authorize?prompt=login",
    redirect_host: str = "desk.acme.example",
    sources: tuple[str, ...] = (),
) -> ConsentView:
    return ConsentView(
        organization=organization,
        client=client,
        client_description=client_description,
        user_name=user_name,
        user_email=user_email,
        scopes=scopes,
        request=request,
        csrf="csrf-of-this-browser",
        other_user=other_user,
        redirect_host=redirect_host,
        sources=sources,
    )


def an_error(*, title: str = "This request cannot be answered", retry_after: int = 0) -> ErrorView:
    return ErrorView(
        status=503 if retry_after else 400,
        title=title,
        message="The application asked for an answer at an address that it has not registered.",
        what_to_do="Go back to the application and try again. If that does not help, tell "
        "whoever runs it.",
        correlation_id="0192e6d3-5b6f-4c4c-8b61-1f3c6c1f2a33",
        retry_after=retry_after,
    )


def every_state() -> dict[str, Response]:
    """Each page in each state, by its name."""
    pages = Pages()
    about = "Tickets and calls in one place."
    scopes = (
        ("users:readonly", "Read users and their profiles"),
        ("oauth", "Read and change OAuth clients"),
        ("custom", ""),
    )
    return {
        "login": pages.login(a_login(client_description=about)),
        "login-refused": pages.login(
            a_login(
                email=EMAIL, problem="The e-mail address or the password is not right.", status=403
            )
        ),
        "login-throttled": pages.login(
            a_login(
                email=EMAIL,
                problem="Too many attempts. Wait 40 seconds, then try again.",
                status=429,
                retry_after=40,
            )
        ),
        "login-long": pages.login(
            a_login(
                organization=LONG_WORD,
                client=LONG_NAME,
                client_description=LONG_TEXT,
                email="a" * 64 + "@" + "b" * 63 + ".example",
                problem=LONG_TEXT,
            )
        ),
        "login-right-to-left": pages.login(
            a_login(
                organization="شركة الشمال",
                client="מרכז שירות",
                client_description="هذا تطبيق للمكالمات",
            )
        ),
        "consent": pages.consent(a_consent(client_description=about, scopes=scopes)),
        "consent-everything": pages.consent(a_consent()),
        "consent-long": pages.consent(
            a_consent(
                organization=LONG_WORD,
                client=LONG_NAME,
                client_description=LONG_TEXT,
                user_name="N" * 80,
                user_email="n" * 64 + "@" + "d" * 63 + ".example",
                scopes=tuple((f"{letter * 60}:readonly", LONG_TEXT) for letter in "ab"),
                redirect_host="h" * 63 + "." + "i" * 63 + ".example:12345",
            )
        ),
        "error": pages.error(an_error()),
        "error-later": pages.error(an_error(title="The server is busy", retry_after=5)),
        "error-long": pages.error(an_error(title=LONG_NAME)),
        "signed-out": pages.signed_out(SignedOutView(client=CLIENT)),
        "signed-out-alone": pages.signed_out(SignedOutView()),
    }
