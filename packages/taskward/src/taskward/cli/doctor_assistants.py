"""`taskward doctor` asks a server for its documents in the order in which an assistant does."""

import re
from typing import Any, NamedTuple

import httpx2

from taskward.cli.findings import Finding, Severity
from taskward.mcp import PATH

SUBJECT = "assistants"
_PATIENCE = 5.0  # seconds
_METADATA_URL = re.compile(r'resource_metadata="([^"]+)"')
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_PASS_ON = f"a proxy in front must pass {PATH}, /.well-known/ and the Host header on as they are"


class _Trouble(NamedTuple):
    """What an assistant would stumble over."""

    message: str
    advice: str = _PASS_ON


async def examine_assistants(
    base_url: str, transport: httpx2.AsyncBaseTransport | None = None
) -> Finding:
    """Find out whether an assistant that is given `base_url/mcp` finds its way to a token.

    Args:
        base_url: the server's public origin.
        transport: for tests; otherwise the network.
    """
    resource = base_url + PATH
    try:
        async with httpx2.AsyncClient(timeout=_PATIENCE, transport=transport) as client:
            trouble = await _first_trouble(client, resource)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        message = f"{resource} does not answer: {type(error).__name__}"
        return Finding(SUBJECT, Severity.WARNING, message, "start the server, then ask again")
    if trouble is not None:
        return Finding(SUBJECT, Severity.ERROR, *trouble)
    return Finding(SUBJECT, Severity.OK, f"connect with {resource}")


async def _first_trouble(client: httpx2.AsyncClient, resource: str) -> _Trouble | None:
    challenge = await client.post(resource, json={})
    said = _METADATA_URL.search(challenge.headers.get("www-authenticate", ""))
    if challenge.status_code != 401 or said is None:
        return _Trouble(f"{resource} answers {challenge.status_code}, not 401 and where to ask")
    document = await _document(client, said[1])
    if isinstance(document, _Trouble):
        return document
    if document.get("resource") != resource:
        advice = "set BETTER_AUTH_URL to the address that clients use"
        return _Trouble(f"{said[1]} is about another resource", advice)
    servers = document.get("authorization_servers")
    if not isinstance(servers, list) or not servers or not isinstance(servers[0], str):
        return _Trouble(f"{said[1]} names no authorization server")
    return await _trouble_of_server(client, servers[0])


async def _trouble_of_server(client: httpx2.AsyncClient, issuer: str) -> _Trouble | None:
    """Look where RFC 8414 says: between the host and the path of the issuer."""
    parts = httpx2.URL(issuer)
    url = str(parts.copy_with(path=f"/.well-known/oauth-authorization-server{parts.path}"))
    document = await _document(client, url)
    if isinstance(document, _Trouble):
        return document
    if document.get("issuer") != issuer:
        return _Trouble(f"{url} is of another issuer, so clients refuse it")
    if missing := [name for name in _NEEDED if not document.get(name)]:
        return _Trouble(f"{url} lacks {', '.join(missing)}")
    if "S256" not in (document.get("code_challenge_methods_supported") or []):
        return _Trouble(f"{url} does not offer S256, so clients refuse it")
    return None


async def _document(client: httpx2.AsyncClient, url: str) -> dict[str, Any] | _Trouble:
    answer = await client.get(url)
    try:
        document = answer.json()
    except ValueError:
        document = None
    if answer.status_code != 200 or not isinstance(document, dict):
        return _Trouble(f"{url} answers {answer.status_code} and no document")
    return document
