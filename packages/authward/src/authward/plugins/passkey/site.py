"""What both ceremonies have in common: the site, its origins, extensions, known passkeys."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from authward.endpoint_context import EndpointContext
from authward.plugins.passkey.options import Extensions, ExtensionsWanted, PasskeyOptions
from authward.storage.adapter import Row

MODEL = "passkey"
TIMEOUT = 60_000


def rp_id(ctx: EndpointContext, options: PasskeyOptions) -> str:
    """Return the domain that passkeys are for."""
    return options.rp_id or urlsplit(ctx.auth.options.base_url).hostname or "localhost"


def origins(ctx: EndpointContext, options: PasskeyOptions) -> list[str]:
    """Return where the page may be; by default where the request says that it comes from."""
    given = options.origin or ctx.request.headers.get("origin") or ""
    return [*filter(None, [given] if isinstance(given, str) else given)]


async def wanted_extensions(
    ctx: EndpointContext, extensions: Extensions | None
) -> Mapping[str, Any] | None:
    """Return the extensions of a ceremony."""
    if extensions is None or isinstance(extensions, Mapping):
        return extensions
    return await extensions(ExtensionsWanted(ctx))


async def descriptors(ctx: EndpointContext, user_id: str) -> list[dict[str, Any]]:
    """Return a user's passkeys as browsers take them."""
    rows = await ctx.auth.adapter.find_many(ctx.database, MODEL, {"userId": user_id})
    return [_descriptor(row) for row in rows]


def _descriptor(row: Row) -> dict[str, Any]:
    transports = row["transports"]
    more = {} if transports is None else {"transports": transports.split(",")}
    return {"id": row["credentialID"].rstrip("="), **more, "type": "public-key"}
