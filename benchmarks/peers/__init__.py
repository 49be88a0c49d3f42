"""Servers of others that a run is compared with; each is installed by ``make bench-setup``."""
