"""The library with ``await``; ``_sync`` is derived from it by ``tools/derive_sdk.py``."""
