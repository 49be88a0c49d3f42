"""What the Makefile runs: the standard library only, from any Python 3.11 or newer."""
