"""HTTP: one table of operations, dispatched by a thin ASGI application."""
