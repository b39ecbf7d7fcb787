"""Keys: how they are made, kept, found, and shown."""

import base64
import hashlib
import json
import secrets
import string
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from authward.codes import Code
from authward.errors import APIError
from authward.plugins.api_key.codes import ApiKeyCode
from authward.plugins.api_key.options import ApiKeyOptions, NewKey, is_default
from authward.plugins.api_key.tables import MODEL
from authward.schema.values import as_in_javascript
from authward.storage.adapter import Adapter, Row
from authward.text import to_well_formed

_DEEPEST = 32


def hash_key(key: str) -> str:
    """Return what is kept of a key: its SHA-256, as base64url without padding."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def stored(key: str, options: ApiKeyOptions) -> str:
    """Return the column's value for a key."""
    return to_well_formed(key).replace("\0", "") if options.disable_key_hashing else hash_key(key)


async def make_key(options: ApiKeyOptions, prefix: str | None) -> str:
    """Return a new key, by default of letters."""
    wanted = NewKey(length=options.default_key_length, prefix=prefix)
    if options.custom_key_generator is not None:
        return await options.custom_key_generator(wanted)
    letters = (secrets.choice(string.ascii_letters) for _ in range(wanted.length))
    return (prefix or "") + "".join(letters)


def kind_of(kinds: Sequence[ApiKeyOptions], name: str | None) -> ApiKeyOptions:
    """Return the kind of this name, else the default one.

    Raises:
        APIError: 400, there is none.
    """
    found = next((kind for kind in kinds if name and kind.config_id == name), None)
    found = found or next((kind for kind in kinds if is_default(kind.config_id)), None)
    if found is None:
        raise APIError(ApiKeyCode.NO_DEFAULT_API_KEY_CONFIGURATION_FOUND)
    return found


def metadata_text(metadata: Any) -> str:
    """Return the column's value for the metadata of a key, as JavaScript writes it.

    Raises:
        APIError: 400, it is nested too deeply.
    """
    if _depth(metadata) > _DEEPEST:
        message = f"[body.metadata] has more than {_DEEPEST} levels"
        raise APIError(Code.VALIDATION_ERROR, message=message)
    text = json.dumps(as_in_javascript(metadata), ensure_ascii=False)
    return orjson.dumps(json.loads(to_well_formed(text))).decode()


def _depth(value: Any) -> int:
    level, deep = [value], 0
    while level and deep <= _DEEPEST:
        deep += 1
        level = [
            entry
            for each in level
            if isinstance(each, dict | list)
            for entry in (each.values() if isinstance(each, dict) else each)
        ]
    return deep


def parsed(text: str | None) -> Any:
    """Return what a column with JSON holds; None for what is no JSON."""
    if not text:
        return None
    try:
        found = orjson.loads(text)
        # An old version of the original wrote metadata as JSON twice.
        return orjson.loads(found) if isinstance(found, str) else found
    except ValueError:
        return None


def shown(adapter: Adapter, row: Row) -> dict[str, Any]:
    """Return a key as its owner sees it, without the key."""
    more = {name: parsed(row[name]) for name in ("permissions", "metadata")}
    return {**adapter.to_json(MODEL, row), **more}


def with_key(shown_row: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return a new key as its owner sees it this once."""
    with_it: dict[str, Any] = {}
    for name, value in shown_row.items():
        with_it[name] = value
        if name == "prefix":
            with_it["key"] = key
    return with_it
