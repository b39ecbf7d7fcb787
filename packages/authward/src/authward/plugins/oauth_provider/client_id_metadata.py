"""Client ID Metadata Documents: a client's id is the URL of a document that says what it is.

Nothing is registered beforehand. The row that the document becomes is this source's own, and never
takes the place of another client.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

import structlog
from ada_url import URL

from authward.endpoint_context import EndpointContext
from authward.plugins.oauth_provider.client_id_options import (
    ClientIdMetadata,
    Document,
    DocumentError,
    Fetcher,
)
from authward.plugins.oauth_provider.client_metadata import (
    AUTH_METHODS,
    REGISTRATION,
    check_metadata,
    with_defaults,
)
from authward.plugins.oauth_provider.document_limits import DocumentLimits, LimitReachedError
from authward.plugins.oauth_provider.errors import OAuthError
from authward.plugins.oauth_provider.provider import OAuthProvider, provider_of
from authward.plugins.oauth_provider.registration import registered_resources, row_values
from authward.plugins.oauth_provider.rows import CLIENT_RESOURCES, CLIENTS, Row, UniqueError
from authward.plugins.oauth_provider.urls import document_url
from authward.plugins.oauth_provider.validation import OAuthSchema
from authward.storage.statements import Executor
from authward.timestamps import now

DISCOVERY_ID: Final = "cimd"
_MAX_CACHED = 1_000
_SECRETS = ("client_secret", "client_secret_expires_at")
_DOCUMENT = OAuthSchema(
    {name: each for name, each in REGISTRATION.fields.items() if name != "skip_consent"},
    default_error="invalid_client_metadata",
)
log = structlog.get_logger(__name__)


class ClientIdDocuments:
    """The clients of one server whose ids are URLs."""

    id = DISCOVERY_ID

    def __init__(self, options: ClientIdMetadata) -> None:
        self._fetcher = options.fetcher
        self._limits = DocumentLimits()
        self._fresh_until: OrderedDict[str, float] = OrderedDict()

    async def resolve(self, ctx: EndpointContext, client_id: str, known: Row | None) -> Row | None:
        """Return the client that a document describes; None if there is none that may be used.

        Args:
            ctx: of the request that names it.
            client_id: maybe a URL.
            known: the row that is there already, maybe of another source.
        """
        url = document_url(client_id)
        if url is None or (known is not None and known["clientDiscoveryId"] != DISCOVERY_ID):
            return None
        if known is not None and self._fresh_until.get(client_id, 0.0) > time.monotonic():
            return known
        try:
            document = await self._fetched(url, client_id)
            values, resources = await _checked(ctx, client_id, document)
            row = await _stored(ctx.auth.pool, client_id, values, resources)
        except (DocumentError, LimitReachedError, OAuthError) as error:
            log.info("a client's metadata document was refused", reason=str(error)[:200])
            return None
        if row is not None:
            self._keep(client_id, document.max_age)
        return row

    async def _fetched(self, url: URL, client_id: str) -> Document:
        if self._fetcher is None:
            self._fetcher = await asyncio.to_thread(_default_fetcher)
        async with self._limits.one_fetch(client_id, str(url.origin)):
            return await self._fetcher.fetch(url)

    def _keep(self, client_id: str, max_age: int) -> None:
        self._fresh_until[client_id] = time.monotonic() + max_age
        self._fresh_until.move_to_end(client_id)
        while len(self._fresh_until) > _MAX_CACHED:
            self._fresh_until.popitem(last=False)


def _default_fetcher() -> Fetcher:
    """What it needs is imported with the first URL, and takes its time."""
    from authward.plugins.oauth_provider.documents import DocumentFetcher  # noqa: PLC0415

    return DocumentFetcher.ready()


async def _checked(
    ctx: EndpointContext, client_id: str, document: Document
) -> tuple[Row, list[str]]:
    """Return the values of the client's row, and the resources that it is linked to.

    Raises:
        DocumentError, OAuthError: it is no client that may be served.
    """
    provider, metadata = provider_of(ctx), document.metadata
    if metadata.get("client_id") != client_id:
        raise DocumentError("it is of another client")
    if any(name in metadata for name in _SECRETS):
        raise DocumentError("it has a secret")
    if metadata.get("token_endpoint_auth_method", AUTH_METHODS[0]) != AUTH_METHODS[0]:
        raise DocumentError("its client does not authenticate as a public one")
    if not metadata.get("client_name") or not metadata.get("redirect_uris"):
        raise DocumentError("it lacks client_name or redirect_uris")
    said = with_defaults(_DOCUMENT.validate(metadata), "document")
    check_metadata(said, provider.options, "document")
    return _values(provider, said), await registered_resources(ctx.auth.pool, provider)


def _values(provider: OAuthProvider, said: Mapping[str, Any]) -> Row:
    known = [grant for grant in said["grant_types"] if grant in provider.options.grant_types]
    values = row_values(provider, {**said, "grant_types": known}, "document")
    return {**values, "clientDiscoveryId": DISCOVERY_ID}


async def _stored(pool: Any, client_id: str, values: Row, resources: list[str]) -> Row | None:
    """Insert or change the row; None where the id is another source's."""
    moment = now().replace(microsecond=0)
    where = {"clientId": client_id, "clientDiscoveryId": DISCOVERY_ID}
    row = await CLIENTS.update(pool, {**values, "updatedAt": moment}, **where)
    if row is None:
        new = {**values, "clientId": client_id, "createdAt": moment, "updatedAt": moment}
        try:
            row = await CLIENTS.insert(pool, new)
        except UniqueError:
            row = await CLIENTS.find(pool, **where)
    if row is not None:
        await _link(pool, client_id, resources)
    return row


async def _link(database: Executor, client_id: str, resources: list[str]) -> None:
    for resource in resources:
        ids = {"clientId": client_id, "resourceId": resource}
        if await CLIENT_RESOURCES.find(database, **ids) is None:
            try:
                await CLIENT_RESOURCES.insert(database, {**ids, "createdAt": now()})
            except UniqueError:
                continue
