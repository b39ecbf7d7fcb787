"""Long lists of tasks are compressed for whoever accepts it; nothing else that is JSON is.

BREACH reads a secret out of compressed answers by making a victim's browser ask again and again for
pages that repeat what the attacker chose beside the secret. Task lists need a bearer token, which
no other site's page can make a browser send, and repeat nothing of the request. What cookies do
open, the answers under `/api/auth`, is never compressed.
"""

import asyncio
import zlib

from starlette.responses import Response

COMPRESSED_FROM = 32_768
"""Bytes: below that, time is lost and little gained."""

_FAST = 1
_GZIP = 16 + zlib.MAX_WBITS


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the header names gzip, and not with a weight of zero."""
    for offer in accept_encoding.lower().split(","):
        name, _, weight = offer.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "").rstrip("0") not in {"q=", "q=0."}
    return False


async def compressed(answer: Response) -> Response:
    """Return the answer compressed, by a thread: other requests do not wait.

    Its ETag becomes weak, as the same tasks in other bytes.
    """
    body = await asyncio.to_thread(_gzip, bytes(answer.body))
    headers = {
        "Content-Type": answer.headers["content-type"],
        "ETag": f"W/{answer.headers['etag']}",
        "Content-Encoding": "gzip",
        "Vary": "Accept-Encoding",
    }
    return Response(body, answer.status_code, headers)


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()
