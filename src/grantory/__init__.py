"""Grantory: a self-hosted OAuth 2.0 authorization server and registry of OAuth clients."""

__version__ = "0.1.0.dev0"
