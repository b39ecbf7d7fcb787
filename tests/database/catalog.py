"""What PostgreSQL's catalog says of our tables, in a form that can be compared."""

COLUMNS = """
    SELECT table_name, column_name, data_type, character_maximum_length, is_nullable,
        column_default, is_identity, identity_generation
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version'
"""
CONSTRAINTS = """
    SELECT conrelid::regclass::text AS table_name, contype::text, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype <> 't'
        AND conrelid <> coalesce(to_regclass('alembic_version'), 0)
"""
INDEXES = """
    SELECT tablename, indexdef FROM pg_indexes
    WHERE schemaname = 'public' AND tablename <> 'alembic_version'
"""
