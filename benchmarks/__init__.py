"""How fast the server answers, as a share of what the bare HTTP server under it can do."""
