"""The authorization endpoint (RFC 6749 section 3.1): what it is asked, and what it answers."""
