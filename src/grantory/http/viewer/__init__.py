"""Swagger UI as its makers publish it (Apache-2.0, see LICENSE and NOTICE)."""
