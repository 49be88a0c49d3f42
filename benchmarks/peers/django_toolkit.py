# mypy: ignore-errors
# It runs in an environment of its own, whose packages are not in this one.
"""django-oauth-toolkit as a project of one file, for gunicorn: ``django_toolkit:application``.

Its SQLite file is durable as Grantory's is. ``python django_toolkit.py`` makes the tables and the
client. It takes from the environment:
    FOLDER                      where the file goes
    CLIENT_ID, CLIENT_SECRET    of the one client
    HASHED                      1 hashes its secret as the toolkit does by default, 0 keeps it plain
"""

import os
from pathlib import Path

from django import setup
from django.conf import settings

PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"

settings.configure(
    SECRET_KEY="a key of the benchmark alone, and long enough to be one",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(os.environ["FOLDER"]) / "django.db"),
            "CONN_MAX_AGE": None,
            "OPTIONS": {"init_command": PRAGMAS},
        }
    },
    OAUTH2_PROVIDER={
        "SCOPES": {"read": "Read", "introspection": "Introspect"},
        "DCR_ENABLED": True,
        "DCR_REGISTRATION_PERMISSION_CLASSES": ("oauth2_provider.dcr.AllowAllDCRPermission",),
    },
)
setup()

# What follows needs the settings.
from django.contrib.auth.models import AnonymousUser  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from oauth2_provider.decorators import (  # noqa: E402
    protected_resource,
)
from oauth2_provider.models import Application  # noqa: E402
from oauth2_provider.urls import dcr_urlpatterns  # noqa: E402
from oauth2_provider.views import (  # noqa: E402
    DynamicClientRegistrationView,
    IntrospectTokenView,
    TokenView,
)

registration = DynamicClientRegistrationView.as_view()


def one_client(_request: object) -> object:
    """Reads the client from the database, as an API that answers one would."""
    client = Application.objects.get(client_id=os.environ["CLIENT_ID"])
    return JsonResponse(
        {"id": client.client_id, "name": client.name, "grant": client.authorization_grant_type}
    )


def register(request: object) -> object:
    """Registers a client for whoever asks, without the middleware that looks who that is."""
    request.user = AnonymousUser()
    return registration(request)


urlpatterns = [
    path("oauth/token", TokenView.as_view()),
    path("oauth/introspect", IntrospectTokenView.as_view()),
    path("clients/register/", register),
    path("clients/", include((dcr_urlpatterns, "oauth2_provider"))),
    path("client", protected_resource(scopes=["read"])(one_client)),
]
application = WSGIHandler()

if __name__ == "__main__":
    call_command("migrate", verbosity=0)
    Application.objects.create(
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
        name="nightly export",
        hash_client_secret=os.environ["HASHED"] == "1",
    )
