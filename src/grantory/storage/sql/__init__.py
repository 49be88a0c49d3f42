"""One set of SQL for every database: SQLAlchemy Core writes it, the driver runs it."""
