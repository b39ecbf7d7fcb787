"""Asks a provider over HTTP: never redirected, bounded in time and size."""

from typing import Any

from authward.oauth.http_client import send
from authward.plugins.captcha.options import SiteVerify


async def fetch(question: SiteVerify) -> Any:
    """Return the JSON of the answer, or the text where it is none.

    Raises:
        ProviderError: no answer came, or an error.
    """
    body: dict[str, Any] = (
        {"json": question.fields} if question.as_json else {"data": question.fields}
    )
    response = await send("POST", question.url, **body)
    try:
        return response.json()
    except (ValueError, RecursionError):
        return response.text
