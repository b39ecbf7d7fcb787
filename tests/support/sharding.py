"""The catalog of Citus as far as we ask for it, on a PostgreSQL that has no Citus.

It stands for what a coordinator says of itself, so that our part can be tried everywhere. What
Citus does with statements it cannot show: `docs/scaling.md` says when that was tried, and how.
"""

import asyncpg

COORDINATOR = """
CREATE SCHEMA citus;
CREATE TABLE citus.pg_extension (extname text, extversion text);
INSERT INTO citus.pg_extension VALUES ('citus', '13.2-1');
CREATE TABLE citus.pg_dist_local_group (groupid int);
INSERT INTO citus.pg_dist_local_group VALUES (0);
CREATE TABLE citus.pg_dist_node (noderole text, isactive bool, shouldhaveshards bool);
INSERT INTO citus.pg_dist_node VALUES ('primary', true, true), ('primary', true, true);
CREATE TABLE citus.pg_dist_partition (logicalrelid regclass, partmethod "char", colocated text);
CREATE TABLE citus.pg_dist_shard (logicalrelid regclass);
CREATE FUNCTION citus.create_distributed_table(t regclass, by text, colocate_with text) RETURNS void
LANGUAGE sql BEGIN ATOMIC
    INSERT INTO citus.pg_dist_partition VALUES (t, 'h', colocate_with);
    INSERT INTO citus.pg_dist_shard SELECT t FROM generate_series(1, 32);
END;
CREATE FUNCTION citus.truncate_local_data_after_distributing_table(t regclass) RETURNS void
LANGUAGE sql BEGIN ATOMIC SELECT; END;
"""
_SEEN_FIRST = 'ALTER DATABASE "{}" SET search_path = public, citus, pg_catalog'


async def make_coordinator(connection: asyncpg.Connection) -> None:
    """Let the database say that it is a coordinator with two workers, to whoever connects next."""
    await connection.execute(COORDINATOR)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(_SEEN_FIRST.format(name))
