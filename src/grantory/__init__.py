"""Grantory: a self-hosted OAuth 2.0 authorization server and registry of OAuth clients."""
