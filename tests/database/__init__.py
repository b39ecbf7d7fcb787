"""PostgreSQL: URLs, the pool, batches, migrations, statements."""
