"""OAuth's own endpoints."""
