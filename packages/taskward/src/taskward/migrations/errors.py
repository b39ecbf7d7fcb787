"""The error of migrations and of what looks after them."""

from authward.migrate import MigrationError

__all__ = ["MigrationError"]
