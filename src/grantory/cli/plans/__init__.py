"""``grantory plan``, ``apply`` and ``export``: clients, roles and divisions as a file has them."""
