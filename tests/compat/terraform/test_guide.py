"""docs/guides/terraform.md: its configurations as they stand, and what it says that they print."""

import re

import pytest

from tests.compat.arrange import EVERY_DIVISION, stored
from tests.compat.guides.guide import Guide, at_ports
from tests.compat.terraform.conftest import NewFolder
from tests.compat.terraform.working_folder import CHANGES, NOTHING_TO_DO, WorkingFolder
from tests.support.server import RunningServer

pytestmark = pytest.mark.timeout(900)

ROLE = "genesyscloud_auth_role.reader"
EXPORT = "genesyscloud_oauth_client.export"
LEFT_OUT = "…"
_OWN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|after \d+s")
"""What another run prints otherwise: ids and durations."""


def printed(text: str) -> list[str]:
    """The lines of an output, without what differs from run to run."""
    return [_OWN.sub("_", line.rstrip()) for line in text.splitlines() if line.strip()]


class Told:
    """What the guide says that commands print, one after another."""

    def __init__(self, guide: Guide, blocks: int) -> None:
        text = "".join(guide.block("console", number + 1) for number in range(blocks))
        commands = [part.split("\n", 1) for part in text.split("$ terraform ")[1:]]
        self._left = [(command.split()[0], output) for command, output in commands]

    def compare(self, command: str, output: str) -> None:
        """Hold an output against the next one of the guide, which may leave lines out."""
        told_command, told = self._left.pop(0)
        assert told_command == command
        lines = iter(printed(output))
        for line in printed(told):
            assert line == LEFT_OUT or line in lines, f"terraform {command}: {line}\n{output}"

    @property
    def is_all(self) -> bool:
        """Whether every output of the guide was compared."""
        return not self._left


def as_told(new_folder: NewFolder, guide: Guide, server: RunningServer) -> WorkingFolder:
    """A folder with the guide's provider, and no variables."""
    folder = new_folder()
    folder.write("provider.tf", at_ports(guide.block("hcl", 1), server))
    (folder.folder / "terraform.tfvars.json").unlink()
    return folder


def test_the_guide_prints_what_it_says(new_folder: NewFolder, server: RunningServer) -> None:
    guide = Guide("terraform")
    told = Told(guide, 4)
    example, lookup = guide.block("hcl", 3), guide.block("hcl", 5)
    role = example[: example.index('resource "genesyscloud_oauth_client"')]
    folder = as_told(new_folder, guide, server)

    folder.write("main.tf", example)
    told.compare("apply", folder.apply())
    told.compare("plan", folder.run("plan", "-input=false"))
    made = folder.resources()

    folder.write("main.tf", role + guide.block("hcl", 4))
    told.compare("apply", folder.apply())
    client = stored(server, made[EXPORT]["id"])
    assert (client["authorizedGrantType"], client.get("roleDivisions")) == ("CODE", None)
    assert folder.plan(status=NOTHING_TO_DO) == []
    folder.write("main.tf", example)
    folder.apply()

    folder = as_told(new_folder, guide, server)
    folder.write("main.tf", example)
    told.compare("import", folder.run("import", "-input=false", EXPORT, made[EXPORT]["id"]))
    folder.run("import", "-input=false", ROLE, made[ROLE]["id"])
    assert folder.resources()[EXPORT]["roles"] == [
        {"role_id": made[ROLE]["id"], "division_id": EVERY_DIVISION}
    ]
    folder.write("lookup.tf", f'{lookup}output "id" {{\n  value = data.{EXPORT}.id\n}}\n')
    assert folder.plan(status=CHANGES) == []  # but for the output
    folder.apply()
    assert folder.outputs() == {"id": made[EXPORT]["id"]}

    told.compare("destroy", folder.destroy())
    assert server.call("GET", f"/api/v2/oauth/clients/{made[EXPORT]['id']}").status == 404
    assert told.is_all


def test_the_secret_goes_into_no_credential_of_the_platforms(
    new_folder: NewFolder, server: RunningServer
) -> None:
    guide = Guide("terraform")
    folder = as_told(new_folder, guide, server)
    name = '  integration_credential_name = "export"\n\n  roles {'
    folder.write("main.tf", guide.block("hcl", 3).replace("  roles {", name))

    folder.apply()

    client = folder.resources()[EXPORT]
    assert stored(server, client["id"])["name"] == "nightly export"
    assert not client["integration_credential_id"]
    assert folder.plan(status=NOTHING_TO_DO) == []
    folder.destroy()
