"""Options of the auth server by their last names, wherever they are nested."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

from authward import BetterAuthOptions
from authward.options import RateLimitOptions

UNLIMITED = RateLimitOptions(enabled=False)


def with_options(options: BetterAuthOptions, **changes: Any) -> BetterAuthOptions:
    """The same options but for these: `send_on_sign_in`, `change_email__enabled` and the like."""
    left = dict(changes)
    changed: BetterAuthOptions = _changed(options, left)
    assert not left, f"there are no such options: {sorted(left)}"
    return changed


def _changed(options: Any, left: dict[str, Any], name: str = "") -> Any:
    values: dict[str, Any] = {}
    for field in fields(options):
        value = getattr(options, field.name)
        if is_dataclass(value) and not isinstance(value, type):
            values[field.name] = _changed(value, left, field.name)
    for key in (field.name for field in fields(options)):
        for spelling in (f"{name}__{key}", key):
            if spelling in left:
                values[key] = left.pop(spelling)
    return replace(options, **values)
