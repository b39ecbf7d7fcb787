"""Refuses options of cookies that browsers would not keep, and warns of those they do not send."""

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

from authward.cookie_options import (
    CookieAttributes,
    CookieCacheOptions,
    CookieOptions,
    CrossSubDomainCookies,
)
from authward.errors import ConfigurationError
from authward.options import BetterAuthOptions
from authward.security.cookies import CookieNames
from authward.security.session_cache import SessionCache

CORE_COOKIES: Final = ("session_token", "session_data", "dont_remember", "state")
_TYPES: Final[dict[str, type]] = {
    **dict.fromkeys(("secure", "http_only", "partitioned"), bool),
    **dict.fromkeys(("path", "domain"), str),
    "max_age": int,
}
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_PATH = re.compile(r"/[\x21-\x3a\x3c-\x7e]*")
_DOMAIN = re.compile(r"\.?(?=.{1,253}$)[a-z0-9-]+(\.[a-z0-9-]+)*", re.IGNORECASE)
_STRATEGIES: Final = ("compact", "jwt", "jwe")
_MAX_AGE = 34_560_000  # 400 days, of which browsers make the most (RFC 6265bis)
_SHARED: Final = frozenset(
    {
        *("github.io", "vercel.app", "netlify.app", "pages.dev", "workers.dev", "fly.dev"),
        *("onrender.com", "herokuapp.com", "railway.app", "web.app", "ngrok.app"),
        *("azurewebsites.net", "cloudfront.net", "amazonaws.com"),
    }
)
"""Domains below which everybody has a name of their own, the most used of the public list."""
_SECOND_LEVEL_LENGTH, _COUNTRY_LENGTH = 3, 2

log = structlog.get_logger(__name__)


def cookie_names(options: BetterAuthOptions) -> CookieNames:
    """Return the cookies' names and attributes.

    Raises:
        ConfigurationError: it names the option.
    """
    _check_types(options)
    names = names_of_cookies(options)
    _check_together(options, names)
    _warn_of_other_sites(options, names)
    return names


def names_of_cookies(options: BetterAuthOptions) -> CookieNames:
    """Return the same of options that are checked already, for another base URL."""
    advanced = options.advanced
    across, defaults = advanced.cross_sub_domain_cookies, advanced.default_cookie_attributes
    if across.enabled:
        domain = across.domain or urlsplit(options.base_url).hostname
        defaults = defaults.over(CookieAttributes(domain=domain))
    return CookieNames(
        secure=options.secure_cookies,
        prefix=advanced.cookie_prefix,
        defaults=defaults,
        cookies=advanced.cookies,
    )


def session_cache(options: BetterAuthOptions) -> SessionCache | None:
    """Return what writes and reads the cookie cache; None without it.

    Raises:
        ConfigurationError: it names the option.
    """
    cache: Any = options.session.cookie_cache
    where = "session.cookie_cache"
    if not isinstance(cache, CookieCacheOptions) or type(cache.enabled) is not bool:
        raise ConfigurationError(f"{where} is CookieCacheOptions(…), not {cache!r}")
    if cache.strategy not in _STRATEGIES:
        raise ConfigurationError(f"{where}.strategy is one of {', '.join(_STRATEGIES)}")
    if type(cache.max_age) is not int or not 1 <= cache.max_age <= _MAX_AGE:
        raise ConfigurationError(f"{where}.max_age is 1 to {_MAX_AGE} seconds")
    if not (isinstance(cache.version, str) or callable(cache.version)):
        raise ConfigurationError(f"{where}.version is a text or a function")
    if not cache.enabled:
        return None
    if cache.refresh_cache:
        log.warning("session.cookie_cache.refresh_cache is for servers without a database: ignored")
    return SessionCache(cache.strategy, options.secret, options.old_secrets)


def _check_types(options: BetterAuthOptions) -> None:
    advanced = options.advanced
    across: Any = advanced.cross_sub_domain_cookies
    if not isinstance(across, CrossSubDomainCookies) or type(across.enabled) is not bool:
        raise ConfigurationError(
            "advanced.cross_sub_domain_cookies is CrossSubDomainCookies(enabled=…, domain=…)"
        )
    if not isinstance(advanced.cookies, Mapping):
        raise ConfigurationError("advanced.cookies is a mapping of names to CookieOptions(…)")
    if advanced.use_secure_cookies not in {None, True, False}:
        raise ConfigurationError("advanced.use_secure_cookies is True, False or None")
    _check_name("advanced.cookie_prefix", advanced.cookie_prefix)
    if across.domain is not None and not across.enabled:
        raise ConfigurationError(
            "advanced.cross_sub_domain_cookies has a domain, but is not enabled"
        )
    _check_domain("advanced.cross_sub_domain_cookies.domain", across.domain)
    _check_attributes("advanced.default_cookie_attributes", advanced.default_cookie_attributes)
    cookie: Any
    for key, cookie in advanced.cookies.items():
        where = f"advanced.cookies[{key!r}]"
        _check_name(where, key)
        if not isinstance(cookie, CookieOptions):
            raise ConfigurationError(f"{where} is CookieOptions(…), not {cookie!r}")
        if cookie.name is not None:
            _check_name(f"{where}.name", cookie.name)
        _check_attributes(f"{where}.attributes", cookie.attributes)


def _check_attributes(where: str, given: CookieAttributes) -> None:
    if not isinstance(given, CookieAttributes):
        raise ConfigurationError(f"{where} is CookieAttributes(…), not {given!r}")
    for name, value in given.given().items():
        if type(value) is not _TYPES.get(name, str):
            raise ConfigurationError(f"{where}.{name} is not {value!r}")
    if given.same_site not in {None, "lax", "strict", "none"}:
        raise ConfigurationError(f"{where}.same_site is lax, strict or none")
    if given.path is not None and not _PATH.fullmatch(given.path):
        raise ConfigurationError(f"{where}.path is a path such as /, not {given.path!r}")
    if given.max_age is not None and not 1 <= given.max_age <= _MAX_AGE:
        raise ConfigurationError(f"{where}.max_age is 1 to {_MAX_AGE} seconds")
    _check_domain(f"{where}.domain", given.domain)


def check_cookie_name(name: Any) -> str:
    """Return a name, or what a name begins with.

    Raises:
        ValueError: no cookie can have it.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("must be letters, digits and -, _ or . as in a cookie's name")
    return name


def _check_name(where: str, name: Any) -> None:
    try:
        check_cookie_name(name)
    except ValueError as error:
        raise ConfigurationError(f"{where} {error}, not {name!r}") from None


def _check_domain(where: str, domain: Any) -> None:
    if domain is not None and (not isinstance(domain, str) or not _DOMAIN.fullmatch(domain)):
        raise ConfigurationError(f"{where} is a domain such as example.com, not {domain!r}")


def _check_together(options: BetterAuthOptions, names: CookieNames) -> None:
    """Refuse what browsers would throw away, without a word in the answer."""
    keys = dict.fromkeys((*CORE_COOKIES, *options.advanced.cookies))
    if len({names.of(key) for key in keys}) < len(keys):
        raise ConfigurationError("advanced.cookies: two cookies would have one name")
    for key in keys:
        given, where = names.attributes(names.of(key)), f"the cookie {names.of(key)!r}"
        is_https = options.base_url.startswith("https://") or options.secure_cookies
        for name in ("same_site=none", "partitioned"):
            wanted = given.partitioned if name == "partitioned" else given.same_site == "none"
            if wanted and not (is_https and given.secure is not False):
                message = f"{where}: {name} needs https (base_url) and secure cookies"
                raise ConfigurationError(message)
        if given.domain and not is_below(urlsplit(options.base_url).hostname, given.domain):
            message = f"{where}: its domain {given.domain!r} is not one of base_url's host"
            raise ConfigurationError(message)


def is_below(host: str | None, domain: str) -> bool:
    """Whether a browser keeps a cookie of the domain that a host sends."""
    domain = domain.removeprefix(".").lower()
    return host == domain or (host or "").endswith(f".{domain}")


def _warn_of_other_sites(options: BetterAuthOptions, names: CookieNames) -> None:
    if names.attributes(names.session_token).same_site == "none":
        return
    if others := list(_other_sites(options)):
        log.warning(
            "pages of another site are trusted, but browsers will not send them the session: it "
            "needs SameSite=None, one origin, or bearer tokens",
            origins=others,
        )


def _other_sites(options: BetterAuthOptions) -> Iterator[str]:
    """Trusted origins of other sites; this machine's are those of people who develop."""
    own = site_of(options.base_url)
    for origin in options.trusted_origins:
        scheme, _, host = origin.rpartition("://")
        if scheme and scheme not in {"http", "https"}:
            continue
        url = f"{scheme or urlsplit(options.base_url).scheme}://{host}"
        if own is not None and site_of(url) not in {None, own}:
            yield origin


def site_of(url: str) -> str | None:
    """Return scheme and registrable domain, as far as they can be told without the public list.

    None is this machine, or nothing that has a site.
    """
    parts = urlsplit(url.replace("*", "x").replace("?", "x"))
    host = (parts.hostname or "").rstrip(".")
    if not host or host == "localhost" or host.endswith(".localhost"):
        return None
    try:
        address = ip_address(host)
    except ValueError:
        return f"{parts.scheme}://{_registrable(host)}"
    return None if address.is_loopback else f"{parts.scheme}://{host}"


def _registrable(host: str) -> str:
    labels = host.split(".")
    last_two = labels[-2:]
    by_country = len(last_two[-1]) == _COUNTRY_LENGTH and len(last_two[0]) <= _SECOND_LEVEL_LENGTH
    shared = ".".join(last_two) in _SHARED
    return ".".join(labels[-3:] if by_country or shared else last_two)
