"""``python -m benchmarks [COMMAND] ...``: without a command it measures speed.

Each command is a module with a function ``main`` that reads ``sys.argv`` and returns the exit
status.
"""

import sys
from importlib import import_module

COMMANDS = {
    "speed": "benchmarks.speed",
    "capacity": "benchmarks.capacity",
    "simulation": "benchmarks.simulation",
    "guard": "benchmarks.guard",
    "publish": "benchmarks.publish",
    "scale": "benchmarks.scale",
    "overload": "benchmarks.overload",
    "sockets": "benchmarks.sockets",
    "metrics_cost": "benchmarks.metrics_cost",
    "start": "benchmarks.start",
}


def main() -> int:
    """Runs the command that is named first."""
    name = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else "speed"
    if name not in COMMANDS:
        sys.exit(f"python -m benchmarks {'|'.join(COMMANDS)}")
    if sys.argv[1:2] == [name]:
        del sys.argv[1]
    return int(import_module(COMMANDS[name]).main() or 0)


if __name__ == "__main__":
    sys.exit(main())
