"""Sets up what the project needs: ``python3 -m tools.bootstrap PART``, as the Makefile calls it.

This file is read by whatever ``python3`` is, so it keeps to syntax that Python 3.6 reads
until it has found a Python that is new enough; everything else is imported after that.
"""

import os
import shutil
import subprocess
import sys

NEEDED = (3, 11)
CANDIDATES = ("python3.13", "python3.12", "python3.11", "python3")


def find_newer_python() -> str:
    """The path of a Python on PATH that runs and is new enough, or an empty string."""
    question = f"import sys; sys.exit(sys.version_info < {NEEDED!r})"
    for name in CANDIDATES:
        path = shutil.which(name)
        # A name on PATH proves little: version managers put shims there that only refuse.
        if path and subprocess.call([path, "-c", question], stderr=subprocess.DEVNULL) == 0:
            return path
    return ""


def require_new_python() -> None:
    """Go on with a Python that is new enough, or end with a message that helps."""
    if sys.version_info >= NEEDED:
        return
    found = f"{sys.version.split()[0]} ({sys.executable})"
    needed = ".".join(map(str, NEEDED))
    newer = "" if os.environ.get("GRANTORY_PYTHON_CHOSEN") else find_newer_python()
    if not newer:
        sys.exit(
            f"Grantory needs Python {needed} or newer; this is Python {found}.\n"
            f"Name another one: make PYTHON=/path/to/python{needed} ...\n"
            f"or install one:   apt install python{needed} python{needed}-venv   (Debian, Ubuntu)\n"
            f"                  brew install python@{needed}                   (macOS)"
        )
    print(f"Python {found} is too old; going on with {newer}.", file=sys.stderr, flush=True)
    os.execv(newer, [newer, "-m", "tools.bootstrap", *sys.argv[1:]])  # noqa: S606


def main() -> None:
    """Run the part that the command line names."""
    require_new_python()
    from tools import (  # noqa: PLC0415
        bench_packages,
        compat_packages,
        compat_toolchains,
        locks,
        project_environment,
        system_packages,
        terraform_packages,
    )
    from tools.virtual_environment import SetupError  # noqa: PLC0415

    parts = {
        "runtime": project_environment.set_up_runtime,
        "dev": project_environment.set_up_dev,
        "system": system_packages.set_up,
        "compat": compat_packages.set_up,
        "toolchains": compat_toolchains.set_up,
        "terraform": terraform_packages.set_up,
        "bench": bench_packages.set_up,
        "lock": locks.write,
    }
    names = sys.argv[1:2]
    if not names or names[0] not in parts:
        sys.exit(f"usage: python3 -m tools.bootstrap {'|'.join(parts)}")
    try:
        parts[names[0]](sys.argv[2:])
    except SetupError as error:
        sys.exit(f"\n{error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped; run the same make command again to go on.")


if __name__ == "__main__":
    main()
