"""The library without ``await``: derived from ``_async`` by ``tools/derive_sdk.py``."""
