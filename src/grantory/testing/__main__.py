"""``python -m grantory.testing DESCRIPTOR``: the process of a test's server."""

import gc
import sys


def main() -> None:
    """Loads the server without looking for garbage, of which there is none yet, and serves."""
    gc.disable()
    from grantory.testing.process import run  # noqa: PLC0415 -- what is loaded is much

    gc.freeze()
    gc.enable()
    run(int(sys.argv[1]))


if __name__ == "__main__":
    main()
