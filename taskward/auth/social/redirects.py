"""Where a callback sends the browser in the end: URLs with more parameters, and error codes."""

from typing import NoReturn

from ada_url import URL, URLSearchParams

from taskward.auth.exchange import Exchange

_HERE = "https://here.invalid"


class RefusedError(Exception):
    """Why somebody who came back is not let in, in Better Auth's words or as one of its codes."""

    @property
    def code(self) -> str:
        """The reason as a code for the client's page for errors."""
        return str(self).replace(" ", "_")


def append_query(url: str, more: URLSearchParams, *, replacing: bool = False) -> str:
    """Add parameters to the query of an absolute URL, or of a path on this site.

    The query that is there keeps its spelling, because some providers sign it. `replacing` takes
    those parameters out of it that are added.

    Raises:
        ValueError: neither an absolute URL nor a path.
    """
    is_path = url.startswith("/")
    parsed = URL(url, base=_HERE) if is_path else URL(url)
    if is_path and parsed.origin != _HERE:
        raise ValueError("leaves this site")
    pairs = [pair for pair in parsed.search.removeprefix("?").split("&") if pair]
    kept = [pair for pair in pairs if not (replacing and _name(pair) in set(more.keys()))]
    parsed.search = "&".join([*kept, str(more)])
    return parsed.href.removeprefix(_HERE) if is_path else parsed.href


def error_page(exchange: Exchange) -> str:
    """Return the page for errors that have no page of the client's."""
    options = exchange.auth.options
    return f"{options.base_url}{options.base_path}/error"


def redirect_to_error(
    exchange: Exchange, url: str | None, code: str, description: str | None = None
) -> NoReturn:
    """Send the browser to the client's page for errors, or to ours, with the code in the query.

    Raises:
        APIError: 302, always.
    """
    parameters = URLSearchParams("")
    parameters.set("error", code)
    if description:
        parameters.set("error_description", description)
    try:
        target = append_query(url or error_page(exchange), parameters)
    except ValueError:
        target = append_query(error_page(exchange), parameters)
    exchange.redirect(target)


def _name(pair: str) -> str | None:
    return next(iter(URLSearchParams(pair).keys()), None)
