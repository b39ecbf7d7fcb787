"""What tables and fields there are, and all that follows from that."""

from authward.schema.fields import DBField, DBTable, FieldType, Reference
from authward.schema.registry import AuthSchema, ConflictError

__all__ = ["AuthSchema", "ConflictError", "DBField", "DBTable", "FieldType", "Reference"]
