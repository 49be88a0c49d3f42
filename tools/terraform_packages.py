"""``make compat-terraform``: Terraform, and the vendor's provider that the tests run unmodified.

``.compat/terraform/providers``   the provider, in a folder that ``terraform init`` installs from

Terraform fetches the provider from its registry, in the version that provider.tf names, and
checks the vendor's signature. Where that registry is out of reach, the variable
``GRANTORY_TERRAFORM_PROVIDER`` names the provider's program of that very version.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tools.virtual_environment import ROOT, SetupError, say

CONFIGURATION = ROOT / "tests" / "compat" / "terraform" / "provider.tf"
PROVIDERS = ROOT / ".compat" / "terraform" / "providers"
SOURCE = "mypurecloud/genesyscloud"
NAMED = "GRANTORY_TERRAFORM_PROVIDER"
OLDEST_TERRAFORM = (1, 5)
INSTALL_TERRAFORM = (
    "make compat-terraform needs Terraform {oldest} or newer on PATH{found}.\n"
    "Install it: https://developer.hashicorp.com/terraform/install   (Linux)\n"
    "            brew install hashicorp/tap/terraform                (macOS)"
)


class Terraform(NamedTuple):
    """The machine's Terraform."""

    program: str
    platform: str
    """As in names of packages: linux_amd64."""


def set_up(_arguments: list[str]) -> None:
    """Put the provider where the tests look for it, unless it is there."""
    terraform = find_terraform()
    version = provider_version()
    named = os.environ.get(NAMED, "")
    program = _existing(named, version) if named else None
    wanted = f"{version} {terraform.platform} {_digest(program) if program else 'registry'}"
    stamp = PROVIDERS.parent / "stamp"
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    say(f"Putting {SOURCE} {version} into {PROVIDERS.relative_to(ROOT)} ...")
    stamp.unlink(missing_ok=True)
    shutil.rmtree(PROVIDERS, ignore_errors=True)
    PROVIDERS.mkdir(parents=True)
    if program:
        _copy(program, version, terraform.platform)
    else:
        _download(terraform, version)
    stamp.write_text(wanted, encoding="utf-8")


def find_terraform() -> Terraform:
    """The machine's Terraform, or an error that says what to install."""
    oldest = ".".join(map(str, OLDEST_TERRAFORM))
    program = shutil.which("terraform")
    if not program:
        raise SetupError(INSTALL_TERRAFORM.format(oldest=oldest, found=""))
    asked = subprocess.run(
        [program, "version", "-json"], capture_output=True, text=True, check=False
    )
    try:
        told = json.loads(asked.stdout)
        version = told["terraform_version"]
        platform = told["platform"]
        new_enough = tuple(map(int, version.split(".")[:2])) >= OLDEST_TERRAFORM
    except (ValueError, KeyError):
        found = f"; {program} does not run:\n{asked.stderr[-2000:]}"
        raise SetupError(INSTALL_TERRAFORM.format(oldest=oldest, found=found)) from None
    if not new_enough:
        found = f"; this is {version}"
        raise SetupError(INSTALL_TERRAFORM.format(oldest=oldest, found=found))
    return Terraform(program, platform)


def provider_version() -> str:
    """The version that the tests' configuration asks for."""
    match = re.search(r'^\s*version\s*=\s*"([\d.]+)"', CONFIGURATION.read_text("utf-8"), re.M)
    if not match:
        raise SetupError(f"{CONFIGURATION.relative_to(ROOT)} names no exact version.")
    return match[1]


def _existing(named: str, version: str) -> Path:
    program = Path(named).expanduser()
    if not (program.is_file() and os.access(program, os.X_OK)):
        raise SetupError(
            f"{NAMED} must name the provider's program, terraform-provider-genesyscloud "
            f"{version}; {named} is none."
        )
    return program


def _digest(program: Path) -> str:
    with program.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(program: Path, version: str, platform: str) -> None:
    # Terraform's layout of a folder to install from; SOURCE is short for a name with this host.
    folder = PROVIDERS / "registry.terraform.io" / SOURCE / version / platform
    folder.mkdir(parents=True)
    shutil.copy2(program, folder / f"terraform-provider-genesyscloud_v{version}")


def _download(terraform: Terraform, version: str) -> None:
    done = subprocess.run(
        [terraform.program, "providers", "mirror", f"-platform={terraform.platform}", PROVIDERS],
        cwd=CONFIGURATION.parent,
        env={**os.environ, "CHECKPOINT_DISABLE": "1"},
        check=False,
    )
    if done.returncode:
        shutil.rmtree(PROVIDERS, ignore_errors=True)
        raise SetupError(
            f"Terraform could not fetch {SOURCE} {version}; its message is above. If its registry "
            "is out of reach,\nget the provider's program of that version in another way, and "
            f"name it: {NAMED}=/path/to/terraform-provider-genesyscloud make compat-terraform"
        )
