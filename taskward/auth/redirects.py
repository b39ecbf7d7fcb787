"""Where a browser is sent after a link in a mail, with the outcome in the query.

Both functions expect a URL that `check_callback_in_query` has let through.
"""

from ada_url import URL, URLSearchParams

_NOWHERE = "https://relative.invalid"


def with_parameter(url: str, base: str, name: str, value: str) -> str:
    """Return `url`, made absolute by `base`, with a query parameter set."""
    parsed = URL(url, base=base)
    parameters = URLSearchParams(parsed.search)
    parameters.set(name, value)
    parsed.search = str(parameters)
    return str(parsed.href)


def with_parameter_appended(url: str, name: str, value: str) -> str:
    """Return `url`, relative if it was, with a parameter after the query as it was written."""
    relative = url.startswith("/")
    parsed = URL(url, base=_NOWHERE) if relative else URL(url)
    query = f"{name}={value}"
    between = "" if parsed.search.endswith("&") else "&"
    parsed.search = f"{parsed.search}{between}{query}" if parsed.search else query
    return str(parsed.href).removeprefix(_NOWHERE) if relative else str(parsed.href)
