"""PostgreSQL as the store: several processes and nodes on one database."""
