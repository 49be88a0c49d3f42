"""The platform's management API; its words are used here and nowhere below."""
