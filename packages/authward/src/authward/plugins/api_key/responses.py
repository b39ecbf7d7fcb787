"""The answers of `api_key`, for the OpenAPI document."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class _Response(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Key(_Response):
    """A key, without the key itself."""

    id: str
    config_id: str
    name: str | None
    start: str | None
    reference_id: str
    prefix: str | None
    refill_interval: int | None
    refill_amount: int | None
    last_refill_at: datetime | None
    enabled: bool
    rate_limit_enabled: bool
    rate_limit_time_window: int | None
    rate_limit_max: int | None
    request_count: int
    remaining: int | None
    last_request: datetime | None
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    permissions: dict[str, list[str]] | None
    metadata: Any


class NewKey(Key):
    """A new key, shown this once."""

    key: str


class Keys(_Response):
    """Keys; `total` counts all that are meant."""

    api_keys: list[Key]
    total: int
    limit: int | None = None
    offset: int | None = None


class KeyRefusal(_Response):
    """Why a key is not good."""

    message: str
    code: str
    details: dict[str, int] | None = None


class Verification(_Response):
    """Whether a key is good."""

    valid: bool
    error: KeyRefusal | None
    key: Key | None


class Cleaned(_Response):
    """Whether keys that are over were deleted."""

    success: bool
    error: str | None
