"""Drives the official Python SDK, unmodified, in an environment of its own.

Reads one JSON command a line from standard input and writes one JSON answer a line, so that
a test can call the SDK step by step although it cannot import it. Runs with version 269.0.0 and
with 30.0.0 of the seed page's time, which has no login and another set of models.
"""

import json
import os
import socket
import sys
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import PureCloudPlatformClientV2 as sdk  # noqa: N813
from PureCloudPlatformClientV2.rest import ApiException

Answer = dict[str, Any]


class Driver:
    """The commands, each a method."""

    def __init__(self) -> None:
        self.client: Any = None
        self.sent: list[list[str]] = []

    def connect(
        self,
        host: str | None = None,
        gateway: dict[str, Any] | None = None,
        name: str | None = None,
        authority: str | None = None,
    ) -> Answer:
        """A new ApiClient for an address, behind a gateway, or for the two hosts of a name."""
        if name is not None:
            _resolve_localhost()
            sdk.configuration.ssl_ca_cert = authority
            host = f"https://api.{name}"
        if host is None:
            self.client = sdk.ApiClient()
        else:
            self.client = sdk.ApiClient(host=host)
        if gateway is not None:
            from PureCloudPlatformClientV2.gateway_configuration import GatewayConfiguration

            self.client.gateway_configuration = GatewayConfiguration(**gateway)
        if hasattr(self.client, "get_http_client"):  # 30.0.0 lets nobody look at its requests
            self._watch()
        return {}

    def _watch(self) -> None:
        """Keep the method and path of whatever the SDK is about to send."""

        def note(asked: Any) -> Any:  # the SDK takes no method here
            self.sent.append([asked.method, urlsplit(asked.url).path])
            return asked

        self.client.get_http_client().set_pre_request_hook(note)

    def never_wait(self) -> Answer:
        """Tell of a 429 at once; left alone it waits as it is told, and repeats the call."""
        self.client.get_http_client().rest_client.pool_manager.connection_pool_kw["retries"] = False
        return {}

    def login(self, client_id: str, client_secret: str) -> Answer:
        """Client credentials; the SDK keeps nothing of the answer but the token."""
        self.client.get_client_credentials_token(client_id, client_secret)
        return {"token": self.client.access_token}

    def login_by(self, method: str, arguments: list[str]) -> Answer:
        """A login by the SDK's method of that name; it keeps the tokens."""
        getattr(self.client, method)(*arguments)
        return {
            "token": self.client.access_token,
            "refresh_token": getattr(self.client, "refresh_token", None),
        }

    def set_token(self, token: str) -> Answer:
        """Use this token from now on; an empty one sends no Authorization header."""
        self.client.access_token = token
        sdk.configuration.access_token = token
        return {}

    def call(self, api: str, method: str, arguments: list[Any], options: dict[str, Any]) -> Answer:
        """One operation, as ``sdk.OAuthApi(client).get_oauth_client(id)`` calls it."""
        operation = getattr(getattr(sdk, api)(self.client), method)
        named = {name: self._argument(item) for name, item in options.items()}
        return self._answered(operation(*[self._argument(item) for item in arguments], **named))

    def request(
        self,
        method: str,
        path: str,
        path_parameters: dict[str, str],
        query: dict[str, Any],
        body: Any,
        kind: str | None,
    ) -> Answer:
        """One call by the way that every operation of the SDK goes."""
        json_alone = ["application/json"]
        headers = {
            "Accept": self.client.select_header_accept(json_alone),
            "Content-Type": self.client.select_header_content_type(json_alone),
        }
        value = self.client.call_api(
            path,
            method,
            path_parameters,
            query,
            headers,
            body=self._argument(body),
            response_type=kind,
            auth_settings=["PureCloud OAuth"],
        )
        return self._answered(value)

    def _answered(self, value: Any) -> Answer:
        response = self.client.last_response
        headers = {name.lower(): text for name, text in response.getheaders().items()}
        return {
            "status": response.status,
            "headers": headers,
            "body": response.data,
            "value": _plain(value),
        }

    def _argument(self, item: Any) -> Any:
        """A model for ``{"$model": name, "fields": {...}}``, everything else as it is."""
        if not (isinstance(item, dict) and "$model" in item):
            return item
        return _model(item["$model"], item["fields"])


def _resolve_localhost() -> None:
    """Names under localhost are this machine (RFC 6761), which not every resolver knows."""
    look_up = socket.getaddrinfo

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        is_local = isinstance(host, str) and host.endswith(".localhost")
        return look_up("127.0.0.1" if is_local else host, *rest, **more)

    socket.getaddrinfo = resolve


def _model(name: str, fields: dict[str, Any]) -> Any:
    """A model of the SDK with its attributes set one by one, as a program sets them."""
    model = getattr(sdk, name)()
    attributes = {key: attribute for attribute, key in model.attribute_map.items()}
    for key, value in fields.items():
        attribute = attributes[key]
        setattr(model, attribute, _typed(model.swagger_types[attribute], value))
    return model


def _typed(kind: str, value: Any) -> Any:
    if value is None:
        from PureCloudPlatformClientV2.api_null_value import ApiNullValue

        return ApiNullValue()
    if kind.startswith("list["):
        return [_typed(kind[5:-1], item) for item in value]
    if kind == "datetime":
        return datetime.fromisoformat(value)
    if isinstance(value, dict) and hasattr(sdk, kind):
        return _model(kind, value)
    return value


def _plain(value: Any) -> Any:
    """What the SDK made of an answer, under the JSON names, without what it left unset."""
    if hasattr(value, "attribute_map"):
        pairs = ((key, getattr(value, name)) for name, key in value.attribute_map.items())
        return {key: _plain(item) for key, item in pairs if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _answer(driver: Driver, line: str) -> Answer:
    command = json.loads(line)
    driver.sent = []
    try:
        answer: Answer = getattr(driver, command.pop("do"))(**command)
    except ApiException as error:
        headers = {name.lower(): text for name, text in (error.headers or {}).items()}
        refusal = {"status": error.status, "reason": error.reason, "headers": headers}
        return {"refused": {**refusal, "body": error.body}, "sent": driver.sent}
    except Exception as error:
        return {"broken": f"{type(error).__name__}: {error}", "sent": driver.sent}
    return {"done": answer, "sent": driver.sent}


def main() -> None:
    """Answer commands until standard input ends."""
    # The protocol keeps standard output to itself, whatever the SDK may print.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    driver = Driver()
    for line in sys.stdin:
        out.write(json.dumps(_answer(driver, line)) + "\n")


if __name__ == "__main__":
    main()
