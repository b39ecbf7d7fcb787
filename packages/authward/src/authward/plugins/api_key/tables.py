"""The table of `api_key`."""

from authward.plugins.api_key.options import DAY_MS, DEFAULT, ApiKeyOptions
from authward.schema.fields import DBField, DBTable

MODEL = "apikey"


def tables(kinds: list[ApiKeyOptions]) -> dict[str, DBTable]:
    """Return the table; the limits of the only kind of keys are its columns' defaults."""
    limit = kinds[0].rate_limit if len(kinds) == 1 else None
    window = limit.time_window if limit else DAY_MS
    return {
        MODEL: DBTable(
            fields={
                "configId": _text(required=True, index=True, default_value=DEFAULT),
                "name": _text(),
                "start": _text(),
                "referenceId": _text(required=True, index=True),
                "prefix": _text(),
                "key": _text(required=True, index=True, returned=False),
                "refillInterval": _number(),
                "refillAmount": _number(),
                "lastRefillAt": _date(),
                "enabled": _flag(),
                "rateLimitEnabled": _flag(),
                "rateLimitTimeWindow": _number(window),
                "rateLimitMax": _number(limit.max_requests if limit else 10),
                "requestCount": _number(0),
                "remaining": _number(),
                "lastRequest": _date(),
                "expiresAt": _date(),
                "createdAt": _date(required=True),
                "updatedAt": _date(required=True),
                "permissions": _text(),
                "metadata": DBField(type="string", required=False),
            }
        )
    }


def _text(
    *,
    required: bool = False,
    index: bool = False,
    returned: bool = True,
    default_value: str | None = None,
) -> DBField:
    return DBField(
        type="string",
        required=required,
        input=False,
        index=index,
        returned=returned,
        default_value=default_value,
    )


def _number(default_value: int | None = None) -> DBField:
    return DBField(type="number", required=False, input=False, default_value=default_value)


def _flag() -> DBField:
    return DBField(type="boolean", required=False, input=False, default_value=True)


def _date(*, required: bool = False) -> DBField:
    return DBField(type="date", required=required, input=False)
