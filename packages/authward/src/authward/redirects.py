"""Where a browser is sent after a link in a mail, with the outcome in the query.

They are for URLs that `check_callback_in_query` or `check_origin` has let through.
"""

from ada_url import URL, URLSearchParams

from authward.security.origins import is_path, redirect_origin

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
    parsed = parse_target(url)
    query = f"{name}={value}"
    between = "" if parsed.search.endswith("&") else "&"
    parsed.search = f"{parsed.search}{between}{query}" if parsed.search else query
    return as_written(parsed)


def parse_target(url: str) -> URL:
    """Parse an absolute URL, or a path on this site, to change it and write it `as_written`.

    Raises:
        ValueError: neither; or a path that leads away from here, alone or as it is resolved.
    """
    if redirect_origin(url) is None:
        raise ValueError("leaves this site")
    return URL(url, base=_NOWHERE) if is_path(url) else URL(url)


def as_written(parsed: URL) -> str:
    """Return the URL; a path on this site is a path again."""
    return str(parsed.href).removeprefix(_NOWHERE)
