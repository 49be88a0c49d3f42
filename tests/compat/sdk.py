"""An official SDK in a process of its own, as the tests call it."""

import json
import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent.parent
PYTHON_DRIVER = ROOT / "tests" / "compat" / "python_sdk" / "driver.py"
NODE_DRIVER = ROOT / "tests" / "compat" / "node" / "driver.cjs"
PYTHON_SDK = ROOT / ".compat" / "python-sdk" / "bin" / "python"
SEED_PYTHON_SDK = ROOT / ".compat" / "python-sdk-seed" / "bin" / "python"
LOOPBACK = NODE_DRIVER.with_name("loopback.cjs")
NODE = ROOT / ".compat" / "node" / "bin" / "node"
NODE_MODULES = ROOT / ".compat" / "node" / "node_modules"

Document = dict[str, Any]


class SdkBrokenError(AssertionError):
    """The SDK failed in itself: it could not make anything of what the server answered."""


class Answer(NamedTuple):
    """What the SDK gave back, and the response behind it; header names in lower case."""

    value: Any
    status: int
    headers: dict[str, str]
    body: str

    @property
    def sent_value(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


class RefusedError(Exception):
    """The SDK's own error (ApiException in Python, a rejected promise in JavaScript)."""

    def __init__(self, status: int, reason: str, headers: dict[str, str], body: str) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.reason = reason
        self.headers = headers
        self.body = body

    @property
    def document(self) -> Document:
        """The body, read as a JSON object."""
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document

    @property
    def code(self) -> str:
        """The platform's error code."""
        code = self.document["code"]
        assert isinstance(code, str)
        return code

    @property
    def fields(self) -> list[str]:
        """The names of the bad fields."""
        return [detail["fieldName"] for detail in self.document["details"]]


def assert_platform_error(refused: RefusedError, status: int, code: str) -> None:
    """The platform's error body, whole, and what the SDK makes of the response."""
    document = refused.document
    assert (refused.status, document["status"], document["code"]) == (status, status, code)
    assert document["message"]
    assert document["contextId"] == refused.headers["inin-correlation-id"] != ""
    assert isinstance(document["details"], list)
    assert isinstance(document["errors"], list)
    assert isinstance(document.get("messageParams", {}), dict)
    assert refused.headers["content-type"] == "application/json"
    assert ("www-authenticate" in refused.headers) is (status == 401)


def model(kind: str, /, **fields: Any) -> Document:
    """A model of the SDK, its fields under their JSON names."""
    return {"$model": kind, "fields": fields}


class Sdk:
    """One SDK; a context manager that ends its process.

    Args:
        name: what it is called in test ids.
        command: how its driver is started.
        environment: variables for the driver, besides a PATH and an empty home directory.
    """

    def __init__(
        self, name: str, command: Sequence[Path], environment: dict[str, str] | None = None
    ) -> None:
        self.name = name
        self._command = [str(part) for part in command]
        self._home = tempfile.TemporaryDirectory(prefix="grantory-sdk-")
        self._environment = environment or {}
        self._process: subprocess.Popen[str] | None = None
        self._stderr = Path(self._home.name) / "stderr.log"
        self.sent: list[tuple[str, str]] = []
        """The method and path of every request that the last command made it send."""

    def __enter__(self) -> Self:
        if not Path(self._command[0]).exists():
            raise SdkBrokenError(f"{self._command[0]} is missing: run `make compat-setup`")
        # An empty home: both SDKs read a configuration file there. No proxy variables: axios
        # would send calls of 127.0.0.1 to a proxy.
        clean = {"HOME": self._home.name, "PATH": os.environ.get("PATH", os.defpath)}
        with self._stderr.open("w") as stderr:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                env={**clean, **self._environment},
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            with self._process:  # closes the pipes; the driver ends with its standard input
                self._process.stdin.close()  # type: ignore[union-attr]
                try:
                    self._process.wait(5)
                except subprocess.TimeoutExpired:
                    self._process.kill()
        self._home.cleanup()

    @property
    def is_python(self) -> bool:
        """Whether this is the newest Python SDK."""
        return self.name == "python"

    @property
    def is_javascript(self) -> bool:
        """Whether this is the JavaScript SDK."""
        return self.name == "javascript"

    def connect(self, port: int, *, login_path: str = "", api_path: str = "") -> None:
        """Point the SDK at a server on this machine, in the way that it offers.

        Python: the host; JavaScript, and both where the server sits behind prefixes: the
        gateway setting.
        """
        gateway: Document | None = None
        if self.is_javascript or login_path or api_path:
            gateway = {"host": "127.0.0.1", "protocol": "http", "port": port}
            gateway |= {"path_params_login": login_path, "path_params_api": api_path}
        host = None if gateway else f"http://127.0.0.1:{port}"
        self._do("connect", host=host, gateway=gateway)

    def connect_by_names(self, name: str, authority: Path) -> None:
        """Point the SDK at ``https://api.NAME`` and ``https://login.NAME``, as the platform's are.

        Args:
            name: under localhost, with a port.
            authority: the file to be trusted; Node takes it from its environment alone.
        """
        named: Document = {"name": name}
        if not self.is_javascript:
            named["authority"] = str(authority)
        self._do("connect", **named)

    def never_wait(self) -> None:
        """Tell of a 429 at once, until the next ``connect``; JavaScript does so anyway."""
        if not self.is_javascript:
            self._do("never_wait")

    def login(self, client_id: str, client_secret: str) -> Document:
        """Client credentials with the SDK's own helper; answers what the SDK kept."""
        return self._do("login", client_id=client_id, client_secret=client_secret)

    def login_by(self, method: str, *arguments: str) -> Document:
        """A login by the SDK's method of that name; answers the tokens that the SDK kept."""
        return self._do("login_by", method=method, arguments=list(arguments))

    def use_token(self, token: str) -> None:
        """Call with this token from now on; with none at all if it is empty."""
        self._do("set_token", token=token)

    def call(self, api: str, method: str, *arguments: Any, **options: Any) -> Answer:
        """One operation by its Python name; in JavaScript the same name in camel case."""
        done = self._do("call", api=api, method=method, arguments=list(arguments), options=options)
        return Answer(**done)

    def request(
        self,
        method: str,
        path: str,
        *,
        path_parameters: Document | None = None,
        query: Document | None = None,
        body: Any = None,
        kind: str | None = None,
    ) -> Answer:
        """One call by the SDK's generic way, for what it has no method or parameter for.

        Args:
            method: of HTTP.
            path: with the names of its parameters in braces.
            path_parameters: their values.
            query: parameters of the query.
            body: a model, or None.
            kind: the model that Python is to make of the answer.
        """
        done = self._do(
            "request",
            method=method,
            path=path,
            path_parameters=path_parameters or {},
            query=query or {},
            body=body,
            kind=kind,
        )
        return Answer(**done)

    def call_plainly(self, api: str, method: str, *arguments: Any) -> Document:
        """JavaScript: what a call without extended responses resolves to or rejects with."""
        return self._do("call_plainly", api=api, method=method, arguments=list(arguments))

    def _do(self, command: str, **parameters: Any) -> Document:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **parameters}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SdkBrokenError(f"the driver of {self.name} ended:\n{self._stderr.read_text()}")
        answer = json.loads(line)
        self.sent = [(method, path) for method, path in answer["sent"]]
        if "refused" in answer:
            raise RefusedError(**answer["refused"])
        if "broken" in answer:
            raise SdkBrokenError(f"{self.name}, {command} {parameters}: {answer['broken']}")
        done: Document = answer["done"]
        return done


def python_sdk() -> Sdk:
    """The newest Python SDK."""
    return Sdk("python", [PYTHON_SDK, PYTHON_DRIVER])


def javascript_sdk(environment: dict[str, str] | None = None) -> Sdk:
    """The newest JavaScript SDK."""
    variables = {"NODE_PATH": str(NODE_MODULES), **(environment or {})}
    return Sdk("javascript", [NODE, NODE_DRIVER], variables)


def seed_python_sdk() -> Sdk:
    """The Python SDK of the seed page's time."""
    return Sdk("python-seed", [SEED_PYTHON_SDK, PYTHON_DRIVER])
