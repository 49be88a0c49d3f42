"""The environment in ``.venv``: the project itself and the packages that its locks name."""

from tools.virtual_environment import ROOT, VirtualEnvironment, digest

REQUIREMENTS = ROOT / "requirements"
RUNTIME = [REQUIREMENTS / "runtime.lock", REQUIREMENTS / "build.lock"]
PROJECTS = [ROOT, ROOT / "sdk"]
DEV = [REQUIREMENTS / "dev.lock"]  # holds all of RUNTIME as well, in the same versions


def set_up_runtime(_arguments: list[str]) -> None:
    """What running the server needs, nothing more."""
    environment = VirtualEnvironment(ROOT / ".venv")
    environment.ensure()
    if not environment.knows("dev", digest(DEV)):
        environment.install("runtime", RUNTIME)
    _install_project(environment)


def set_up_dev(_arguments: list[str]) -> None:
    """What the tests and the checks need besides."""
    environment = VirtualEnvironment(ROOT / ".venv")
    environment.ensure()
    environment.install("dev", DEV)
    _install_project(environment)


def _install_project(environment: VirtualEnvironment) -> None:
    wanted = digest([folder / "pyproject.toml" for folder in PROJECTS])
    if environment.knows("project", wanted):
        return
    editable = [argument for folder in PROJECTS for argument in ("-e", str(folder))]
    environment.pip(["install", "--no-deps", "--no-build-isolation", *editable])
    environment.remember("project", wanted)
