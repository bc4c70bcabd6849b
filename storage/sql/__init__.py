"""PostgreSQL: migrations and queries."""
