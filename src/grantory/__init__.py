"""Grantory: a self-hosted OAuth 2.0 authorization server and registry of OAuth clients."""

from typing import Final

__version__: Final = "0.1.0.dev0"
