"""The pages on which people log in, consent and log out."""
