"""PostgreSQL: its URL, the pool, the batcher, row-level security, the check of its tables."""
