"""Whether a key is good."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from authward.errors import APIError, ConfigurationError
from authward.plugins.access import Role
from authward.plugins.api_key.codes import ApiKeyCode
from authward.plugins.api_key.keys import kind_of, parsed, stored
from authward.plugins.api_key.options import ApiKeyOptions, KeyRequest, same_kind
from authward.plugins.api_key.stores import KeyStore, store_of
from authward.storage.adapter import Row
from authward.timestamps import now


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a key must be: of this kind (None: any), with these permissions (None: any)."""

    request: KeyRequest
    lookup: ApiKeyOptions
    config_id: str | None = None
    permissions: Mapping[str, Any] | None = None
    run_validator: bool = False


class Verifier:
    """Verifies keys of all kinds."""

    def __init__(self, kinds: Sequence[ApiKeyOptions]) -> None:
        self.kinds = kinds

    async def verify(self, wanted: Wanted) -> Row:
        """Return the row of a good key, after this use.

        Raises:
            APIError: 401 or 429.
        """
        auth, key = wanted.request.ctx.auth, wanted.request.key
        row = await store_of(auth, wanted.lookup).by_hash(stored(key, wanted.lookup))
        if row is None or not _is_of(row, wanted.config_id):
            raise APIError(ApiKeyCode.INVALID_API_KEY)
        options = kind_of(self.kinds, row["configId"])
        store = store_of(auth, options)
        await _validate(wanted, options)
        await _check(wanted, row, store, options)
        row = await store.use(row, options)
        if options.fallback_to_database:
            _refuse(row, wanted.permissions)  # what was checked may have been an older copy
        return row


def _is_of(row: Row, config_id: str | None) -> bool:
    return config_id is None or same_kind(row["configId"], config_id)


async def _validate(wanted: Wanted, options: ApiKeyOptions) -> None:
    validator = options.custom_api_key_validator if wanted.run_validator else None
    if validator is not None and not await validator(wanted.request):
        raise APIError(ApiKeyCode.KEY_NOT_FOUND, status=401)


async def _check(wanted: Wanted, row: Row, store: KeyStore, options: ApiKeyOptions) -> None:
    is_over = row["enabled"] is not False and _is_over(row)
    if is_over:
        await _delete(wanted, row, store, options)
    _refuse(row, wanted.permissions)
    if row["remaining"] == 0 and row["refillAmount"] is None:
        await _delete(wanted, row, store, options)
        raise APIError(ApiKeyCode.USAGE_EXCEEDED)


async def _delete(wanted: Wanted, row: Row, store: KeyStore, options: ApiKeyOptions) -> None:
    delete = partial(store.delete, row)
    if options.defer_updates:
        wanted.request.ctx.run_in_background(delete)
    else:
        await delete()


def _refuse(row: Row, permissions: Mapping[str, Any] | None) -> None:
    if row["enabled"] is False:
        raise APIError(ApiKeyCode.KEY_DISABLED)
    if _is_over(row):
        raise APIError(ApiKeyCode.KEY_EXPIRED)
    if permissions is not None and not _allows(row["permissions"], permissions):
        raise APIError(ApiKeyCode.KEY_NOT_FOUND, status=401)


def _is_over(row: Row) -> bool:
    return row["expiresAt"] is not None and now() > row["expiresAt"]


def _allows(text: str | None, permissions: Mapping[str, Any]) -> bool:
    held = parsed(text)
    if not isinstance(held, dict):
        return False
    try:
        return Role(held).authorize(permissions).success
    except (ConfigurationError, TypeError):
        return False
