"""Installs the official Python SDK of the seed page's time, unmodified, for tests/compat.

``.compat/python-sdk-seed``   a virtual environment with PureCloudPlatformClientV2 30.0.0

The registry has it as a source archive only, so what builds it is locked too and put in first.
"""

from tools.virtual_environment import ROOT, VirtualEnvironment, digest

REQUIREMENTS = ROOT / "requirements"
SEED_SDK = VirtualEnvironment(ROOT / ".compat" / "python-sdk-seed")


def set_up() -> None:
    """Make the environment, or bring it up to date."""
    SEED_SDK.folder.parent.mkdir(exist_ok=True)
    SEED_SDK.ensure()
    SEED_SDK.install("build", [REQUIREMENTS / "compat-seed-build.lock"])
    lock = REQUIREMENTS / "compat-seed.lock"
    if not SEED_SDK.knows("python-sdk", digest([lock])):
        # Without build isolation: otherwise pip takes whatever setuptools is newest.
        SEED_SDK.pip(
            ["install", "--require-hashes", "--no-build-isolation", "--no-deps", "-r", str(lock)]
        )
        SEED_SDK.remember("python-sdk", digest([lock]))


if __name__ == "__main__":
    set_up()
