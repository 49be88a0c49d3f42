"""The official Java SDK, as the tests call it."""

import shutil
from pathlib import Path

from tests.compat.sdk import ROOT, Sdk, SdkBrokenError
from tests.compat.toolchains.tls_front import TRUST_PASSWORD, TlsFront

JAVA_SDK = ROOT / ".compat" / "java"


class JavaSdk(Sdk):
    """The Java SDK, which always logs in at ``https://login.`` and the rest of its base path.

    Args:
        front: what stands before the server under the names that the SDK makes.
    """

    def __init__(self, front: TlsFront) -> None:
        java = shutil.which("java")
        if java is None or not (JAVA_SDK / "stamp").exists():
            raise SdkBrokenError("The Java SDK is missing: run `make compat-toolchains`")
        options = [
            "-XX:TieredStopAtLevel=1",
            f"-Djdk.net.hosts.file={front.hosts}",
            f"-Djavax.net.ssl.trustStore={front.trust}",
            f"-Djavax.net.ssl.trustStorePassword={TRUST_PASSWORD}",
            "-cp",
            f"{JAVA_SDK / 'classes'}:{JAVA_SDK / 'lib'}/*",
        ]
        super().__init__("java", [Path(java), *map(Path, options), Path("grantory.Driver")])
        self._front = front

    def connect(self, port: int, *, login_path: str = "", api_path: str = "") -> None:
        """Point the SDK at a server, by its names; a path is the same for both of them."""
        assert login_path == api_path
        address = self._front.point_at(port)
        self._do("connect", host=f"{address}/{api_path}".rstrip("/"))

    def login_at_once(self, client_id: str, client_secret: str, count: int) -> list[str]:
        """The tokens of so many logins in as many threads."""
        done = self._do("login_many", client_id=client_id, client_secret=client_secret, count=count)
        return [str(token) for token in done["tokens"]]
