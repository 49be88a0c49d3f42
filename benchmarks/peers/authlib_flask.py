# mypy: ignore-errors
# It runs in an environment of its own, whose packages are not in this one.
"""Authlib's server for Flask, for gunicorn: ``authlib_flask:application``.

As its documentation shows it, on a SQLite file that is durable as Grantory's is.
``python authlib_flask.py`` makes the tables and the client. It takes from the environment:
    FOLDER                      where the file goes
    CLIENT_ID, CLIENT_SECRET    of the one client
"""

import os
import time
from pathlib import Path
from typing import Any

from authlib.integrations import (
    flask_oauth2,
    sqla_oauth2,
)
from authlib.oauth2.rfc6749.grants import (
    ClientCredentialsGrant,
)
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from flask import Flask, jsonify
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event

application = Flask(__name__)
application.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{os.environ['FOLDER']}/authlib.db"
database = SQLAlchemy(application)


class Client(database.Model, sqla_oauth2.OAuth2ClientMixin):
    id = database.Column(database.Integer, primary_key=True)


class Token(database.Model, sqla_oauth2.OAuth2TokenMixin):
    id = database.Column(database.Integer, primary_key=True)
    user_id = database.Column(database.Integer)


class Introspection(IntrospectionEndpoint):
    def query_token(self, token_string: str, _hint: str | None) -> Any:
        return Token.query.filter_by(access_token=token_string).first()

    def check_permission(self, token: Any, client: Any, _request: Any) -> bool:
        return bool(token.client_id == client.client_id)

    def introspect_token(self, token: Any) -> dict[str, Any]:
        expires = token.issued_at + token.expires_in
        return {
            "active": True,
            "client_id": token.client_id,
            "scope": token.scope,
            "exp": expires,
        }


class Registration(ClientRegistrationEndpoint):
    def get_server_metadata(self) -> dict[str, Any]:
        return {}

    def authenticate_token(self, _request: Any) -> Any:
        with protected.acquire("read") as token:
            return token

    def save_client(self, info: dict[str, Any], metadata: dict[str, Any], _request: Any) -> Any:
        made = Client(
            client_id=info["client_id"],
            client_secret=info["client_secret"],
            client_id_issued_at=info["client_id_issued_at"],
        )
        made.set_client_metadata(metadata)
        database.session.add(made)
        database.session.commit()
        return made


server = flask_oauth2.AuthorizationServer(
    application,
    query_client=sqla_oauth2.create_query_client_func(database.session, Client),
    save_token=sqla_oauth2.create_save_token_func(database.session, Token),
)
server.register_grant(ClientCredentialsGrant)
server.register_endpoint(Introspection)
server.register_endpoint(Registration)
protected = flask_oauth2.ResourceProtector()
protected.register_token_validator(
    sqla_oauth2.create_bearer_token_validator(database.session, Token)()
)


def one_client() -> Any:
    """Reads the client from the database, as an API that answers one would."""
    client = Client.query.filter_by(client_id=os.environ["CLIENT_ID"]).first()
    return jsonify(id=client.client_id, issued=client.client_id_issued_at, scope=client.scope)


def durable(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")


application.add_url_rule("/oauth/token", view_func=server.create_token_response, methods=["POST"])
application.add_url_rule(
    "/oauth/introspect",
    view_func=lambda: server.create_endpoint_response("introspection"),
    methods=["POST"],
    endpoint="introspect",
)
application.add_url_rule(
    "/clients",
    view_func=lambda: server.create_endpoint_response("client_registration"),
    methods=["POST"],
    endpoint="register",
)
application.add_url_rule("/client", view_func=protected("read")(one_client))
with application.app_context():
    event.listen(database.engine, "connect", durable)

if __name__ == "__main__":
    Path(os.environ["FOLDER"]).mkdir(exist_ok=True)
    with application.app_context():
        database.create_all()
        client = Client(
            client_id=os.environ["CLIENT_ID"],
            client_secret=os.environ["CLIENT_SECRET"],
            client_id_issued_at=int(time.time()),
        )
        client.set_client_metadata(
            {
                "grant_types": ["client_credentials"],
                "scope": "read",
                "token_endpoint_auth_method": "client_secret_basic",
            }
        )
        database.session.add(client)
        database.session.commit()
