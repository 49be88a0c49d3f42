"""What is installed from this repository, and what is shipped from it."""

import hashlib
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import grantory_sdk

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "sdk"
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
NODE_LOCK = ROOT / "tests" / "compat" / "node" / "package-lock.json"
PACKAGE_DATA = {".css", ".html", ".ico", ".js", ".json", ".mako", ".svg", ".txt"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def pinned(lock: Path) -> dict[str, str]:
    """The version of each package in a lock."""
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", lock.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("path", [*LOCKS, NODE_LOCK], ids=relative)
def test_a_lock_names_no_address(path: Path) -> None:
    text = path.read_text("utf-8")

    assert "://" not in text
    assert "resolved" not in text
    assert not re.search(r"^\s*--(?:index|extra-index|find-links|trusted)", text, re.MULTILINE)


@pytest.mark.parametrize("path", LOCKS, ids=relative)
def test_a_lock_is_hashed(path: Path) -> None:
    entries = re.split(r"^(?=[\w.-]+==)", path.read_text("utf-8"), flags=re.MULTILINE)[1:]

    assert entries
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_node_lock_is_hashed() -> None:
    packages = json.loads(NODE_LOCK.read_text("utf-8"))["packages"]

    assert all(package.get("integrity") for name, package in packages.items() if name)


def test_the_dev_lock_holds_the_runtime_lock_and_the_build_lock() -> None:
    requirements = ROOT / "requirements"
    needed = pinned(requirements / "runtime.lock") | pinned(requirements / "build.lock")

    assert needed.items() <= pinned(requirements / "dev.lock").items()


def test_the_runtime_lock_holds_every_dependency_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    named = {re.split(r"[^\w.-]", line)[0].lower() for line in project["dependencies"]}

    assert named <= pinned(ROOT / "requirements" / "runtime.lock").keys()


def test_the_server_depends_on_all_that_the_sdk_depends_on() -> None:
    server, sdk = (
        tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        for folder in (ROOT, SDK)
    )
    assert set(sdk["dependencies"]) <= set(server["dependencies"])
    # Until it is published, whoever has taken its name would be asked for it.
    assert not [line for line in server["dependencies"] if line.startswith("grantory")]


def test_the_viewer_is_what_its_notice_says() -> None:
    folder = ROOT / "src" / "grantory" / "http" / "viewer"
    notice = (folder / "NOTICE").read_text("utf-8")
    told = {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (\S+)$", notice, re.M)}

    assert told == {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.suffix in {".js", ".css"}
    }
    (version,) = re.findall(r"swagger-ui-dist (\S+),", notice)
    bundle = (folder / "swagger-ui-bundle.js").read_text("utf-8")
    assert f'PACKAGE_VERSION:"{version}"' in bundle


def build(source: Path, folder: Path) -> zipfile.Path:
    """The wheel that `make wheel` would build, without asking any registry."""
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    [path] = folder.glob("*-py3-none-any.whl")
    return zipfile.Path(path)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The server's."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.mark.slow
def test_the_sdks_wheel_holds_the_sdk_with_its_types_and_its_licence(tmp_path: Path) -> None:
    built = build(SDK, tmp_path)
    source = SDK / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    held = {name for name in built.root.namelist() if not name.endswith("/")}
    others = {name for name in held - wanted if ".dist-info/" not in name}
    assert "grantory_sdk/py.typed" in wanted
    assert wanted <= held
    assert not others
    [info] = [path for path in built.iterdir() if path.name.endswith(".dist-info")]
    assert "Apache License" in (info / "licenses" / "LICENSE").read_text("utf-8")
    assert f"Version: {grantory_sdk.__version__}\n" in (info / "METADATA").read_text("utf-8")


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_all_package_data(wheel: zipfile.Path) -> None:
    source = ROOT / "src"
    wanted = {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.suffix in {".py", *PACKAGE_DATA} or path.name == "py.typed"
    }

    assert wanted <= set(wheel.root.namelist())


@pytest.mark.slow
def test_the_wheel_holds_the_migrations(wheel: zipfile.Path) -> None:
    versions = "grantory/storage/sql/migrations/versions/"
    names = [name.removeprefix(versions) for name in wheel.root.namelist() if versions in name]

    assert [name for name in names if name.endswith(".py") and name != "__init__.py"]


@pytest.mark.slow
def test_the_wheel_holds_nothing_but_the_package_and_its_description(wheel: zipfile.Path) -> None:
    tops = {name.split("/")[0] for name in wheel.root.namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"grantory"}


@pytest.mark.slow
def test_the_wheel_brings_the_command_and_the_licence(wheel: zipfile.Path) -> None:
    [info] = [path for path in wheel.iterdir() if path.name.endswith(".dist-info")]

    assert "grantory = grantory.cli.main:main" in (info / "entry_points.txt").read_text("utf-8")
    assert "Apache License" in (info / "licenses" / "LICENSE").read_text("utf-8")
