"""A folder in which Terraform runs: the provider unmodified, and nothing of the user's own."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.compat.sdk import Document
from tests.support.server import HOST

CONFIGURATIONS = Path(__file__).resolve().parent
ROOT = CONFIGURATIONS.parents[2]
PROVIDERS = ROOT / ".compat" / "terraform" / "providers"
COMMAND_SECONDS = 300
NOTHING_TO_DO, CHANGES = 0, 2
"""What ``terraform plan -detailed-exitcode`` ends with."""
CRASH = "fatal error: concurrent map"
"""Now and then the provider crashes of itself while it fills its pool of tokens, before it has
asked for any change: several threads read its gateway block at once, which is not safe there."""
FURTHER_ATTEMPTS = 4


class TerraformFailedError(AssertionError):
    """Terraform ended with another status than the test asked for; the text holds its output."""


class WorkingFolder:
    """Copies of the configurations beside this file, initialised on entry and gone on exit.

    Args:
        port: the server's.
        client: as whom the provider calls, with its id and secret.
        configurations: names of files beside this one; provider.tf comes with them.
        variables: of the configurations, besides host, port and secrets.
    """

    def __init__(
        self,
        port: int,
        client: Document,
        *configurations: str,
        variables: Document | None = None,
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="grantory-terraform-")
        self.folder = Path(self._temporary.name) / "work"
        self.secrets = Path(self._temporary.name) / "secrets"
        self._configurations = ("provider.tf", *configurations)
        self._variables = {"host": HOST, "port": str(port), **(variables or {})}
        if "exporter.tf" in configurations:
            self._variables["secrets"] = str(self.secrets)
        home = Path(self._temporary.name) / "home"
        for folder in (self.folder, self.secrets, home):
            folder.mkdir(mode=0o700)
        # An empty home and a place of its own for temporary files: the provider reads and
        # writes in both. No proxy variables: its calls go to this machine.
        self._environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(home),
            "TMPDIR": self._temporary.name,
            "TF_CLI_CONFIG_FILE": str(self._write_settings()),
            "TF_IN_AUTOMATION": "1",
            "GENESYSCLOUD_OAUTHCLIENT_ID": client["id"],
            "GENESYSCLOUD_OAUTHCLIENT_SECRET": client["secret"],
        }

    def __enter__(self) -> Self:
        try:
            for name in self._configurations:
                self.use(name)
            self.set(**self._variables)
            self.run("init", "-input=false")
        except BaseException:
            self._temporary.cleanup()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._temporary.cleanup()

    def use(self, configuration: str) -> None:
        """Put a configuration into the folder, in place of one with the same last name."""
        shutil.copy(CONFIGURATIONS / configuration, self.folder)

    def write(self, name: str, text: str) -> None:
        """Put a configuration of the test's own into the folder."""
        (self.folder / name).write_text(text, encoding="utf-8")

    def set(self, **variables: Any) -> None:
        """Give variables their values from now on; the others keep theirs."""
        self._variables |= variables
        text = json.dumps(self._variables)
        (self.folder / "terraform.tfvars.json").write_text(text, encoding="utf-8")

    def run(self, *arguments: str, status: int = 0) -> str:
        """One command of Terraform, again where the provider crashed; answers what it printed."""
        done = self._run_once(*arguments)
        for _ in range(FURTHER_ATTEMPTS):
            if CRASH not in done.stdout:
                break
            print(f"The provider crashed in terraform {arguments[0]}; once more.")
            done = self._run_once(*arguments)
        if done.returncode != status:
            raise TerraformFailedError(
                f"terraform {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
            )
        return done.stdout

    def apply(self) -> str:
        """Make everything as the configurations say."""
        return self.run("apply", "-auto-approve", "-input=false")

    def plan(self, *, status: int) -> list[str]:
        """What Terraform would do, as ``action address``; nothing for what stays as it is."""
        self.run("plan", "-input=false", "-detailed-exitcode", "-out=plan", status=status)
        shown = json.loads(self.run("show", "-json", "plan"))
        changes = [
            (change["change"]["actions"], change["address"]) for change in shown["resource_changes"]
        ]
        return sorted(f"{'+'.join(do)} {what}" for do, what in changes if do != ["no-op"])

    def destroy(self) -> str:
        """End everything that the state holds."""
        return self.run("destroy", "-auto-approve", "-input=false")

    def resources(self) -> dict[str, Document]:
        """What the state holds: the values of each resource under its address."""
        shown = json.loads(self.run("show", "-json"))
        root = shown.get("values", {}).get("root_module", {})
        return {found["address"]: found["values"] for found in root.get("resources", [])}

    def outputs(self) -> dict[str, str]:
        """The outputs that the state holds."""
        return {
            name: told["value"] for name, told in json.loads(self.run("output", "-json")).items()
        }

    def _run_once(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["terraform", *arguments, "-no-color"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    def _write_settings(self) -> Path:
        if not PROVIDERS.exists():
            self._temporary.cleanup()
            raise TerraformFailedError(f"{PROVIDERS} is missing: run `make compat-terraform`")
        settings = self.folder.parent / "settings.tfrc"
        text = (
            "disable_checkpoint = true\n"
            f"provider_installation {{\n  filesystem_mirror {{\n"
            f"    path = {json.dumps(str(PROVIDERS))}\n  }}\n}}\n"
        )
        settings.write_text(text, encoding="utf-8")
        return settings
