"""URLs with more parameters in their query."""

from ada_url import URLSearchParams

from authward.redirects import as_written, parse_target


def append_query(url: str, more: URLSearchParams, *, replacing: bool = False) -> str:
    """Add parameters to the query of an absolute URL, or of a path on this site.

    The query that is there keeps its spelling, because some providers sign it. `replacing` takes
    those parameters out of it that are added.

    Raises:
        ValueError: neither an absolute URL nor a path on this site.
    """
    parsed, replaced = parse_target(url), set(more.keys()) if replacing else set()
    pairs = [pair for pair in parsed.search.removeprefix("?").split("&") if pair]
    kept = [pair for pair in pairs if not (replaced and _name(pair) in replaced)]
    parsed.search = "&".join([*kept, str(more)])
    return as_written(parsed)


def _name(pair: str) -> str | None:
    return next(iter(URLSearchParams(pair).keys()), None)
