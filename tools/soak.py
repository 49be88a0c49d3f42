"""``make soak``: the tests that draw lots and kill processes, for long; and the overload run.

Each part writes its report into ``soak-report``; at the end there is a line for each.
``python -m tools.soak [tests] [overload]`` runs some parts only; with ``--share 0.1`` the tests
repeat themselves a tenth as often, with ``--seed 5`` they draw the lots of the run that named it.
"""

import argparse
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

REPORT = Path("soak-report")
OVERLOAD_SECONDS = 60
PARTS = {
    "tests": [
        *("-m", "pytest", "tests/exactness", "tests/crashes", "tests/storage/test_upgrades.py"),
        *("tests/storage/test_versions_side_by_side.py", "tests/storage/test_dump.py"),
        *("tests/storage/test_month.py", "tests/cli/test_serve_tls.py"),
        *("tests/http", "tests/security/login", "tests/security/test_cors.py"),
        *("tests/security/test_tenancy.py", "tests/security/test_mass_assignment.py"),
        *("tests/security/test_system_made_everywhere.py", "tests/security/test_escalation.py"),
        "tests/security/test_escalation_by_roles.py",
        *("tests/security/test_escalation_everywhere.py", "tests/security/test_hostile_input.py"),
        *("tests/security/test_hostile_bodies.py", "tests/security/test_permission_taken.py"),
        *("tests/security/test_saml_bearer.py", "tests/protocol/test_saml2_bearer.py"),
        "tests/sdk/test_running_server.py",
        "tests/operations/test_one_machine.py",
        *("tests/sdk/test_large_lists.py", "tests/cli/plans/test_round_trip.py"),
        "tests/cli/test_any_moment.py",
        *("tests/security/test_slow_database.py", "-q", "-p", "no:cacheprovider"),
        *("-o", "timeout=3600"),  # for a test, of which some repeat themselves for long
        *("-rA", f"--junitxml={REPORT / 'tests.xml'}"),
        *("-o", "junit_family=xunit1"),  # the one that takes properties, such as lags measured
    ],
    "overload": [
        *("-m", "benchmarks.overload", "--seconds", str(OVERLOAD_SECONDS)),
        *("--json", str(REPORT / "overload.json")),
    ],
}


def main() -> int:
    """Run the parts one after another; 1 when one of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--share", type=float, default=1.0, help="of the repetitions")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32), help="of the lots")
    parser.add_argument("--processes", type=int, default=1, help="that run tests")
    arguments = parser.parse_args()
    names = arguments.parts or list(PARTS)
    if unknown := set(names).difference(PARTS):
        parser.error(f"there is no {', '.join(sorted(unknown))}; parts: {', '.join(PARTS)}")
    if not 0 < arguments.share <= 1:
        parser.error("--share must be above 0 and at most 1")
    if arguments.processes < 1:
        parser.error("--processes must be at least 1")
    REPORT.mkdir(exist_ok=True)
    results = [_run(name, arguments) for name in names]
    summary = "\n".join(line for _, line in results)
    (REPORT / "summary.txt").write_text(summary + "\n", encoding="utf-8")
    print(f"\n{summary}\nThe reports are in {REPORT}/")
    return 0 if all(good for good, _ in results) else 1


def _run(name: str, arguments: argparse.Namespace) -> tuple[bool, str]:
    started = time.monotonic()
    command = [sys.executable, *PARTS[name]]
    if name == "tests":
        command += [f"--hypothesis-seed={arguments.seed}"]
        if arguments.processes > 1:
            command += ["-n", str(arguments.processes), "--dist", "loadfile"]
    share = str(arguments.share)
    environment = {**os.environ, "GRANTORY_SOAK": share, "PYTHONUNBUFFERED": "1"}
    with (
        (REPORT / f"{name}.txt").open("w", encoding="utf-8") as file,
        subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        for line in process.stdout or ():
            print(line, end="", flush=True)
            file.write(line)
            file.flush()
    took = time.monotonic() - started
    result = "passed" if process.returncode == 0 else f"FAILED with status {process.returncode}"
    counted = ""
    if name == "tests":
        counted = f"; {_counts(REPORT / 'tests.xml')}; --seed {arguments.seed}"
    return process.returncode == 0, f"{name}: {result} in {took / 60:.1f} min{counted}"


def _counts(file: Path) -> str:
    try:
        suite = ElementTree.parse(file).find("testsuite")  # noqa: S314 - pytest wrote it
    except (OSError, ElementTree.ParseError):
        return "no report was written"
    if suite is None:
        return "an empty report"
    names = ("tests", "failures", "errors", "skipped")
    return ", ".join(f"{suite.get(name, '?')} {name}" for name in names)


if __name__ == "__main__":
    sys.exit(main())
