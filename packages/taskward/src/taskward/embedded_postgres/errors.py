"""Why the embedded server cannot be used."""

OTHERWISE = "choose another DATA_DIR, or set DATABASE_URL to a PostgreSQL of yours"


class EmbeddedPostgresError(RuntimeError):
    """The embedded server cannot be used; the message says why and what to do."""
