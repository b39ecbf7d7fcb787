"""Makes the rate limiter that the options describe, and refuses those that cannot be."""

from collections.abc import Mapping, Sequence
from typing import Any

from authward.errors import ConfigurationError
from authward.options import BetterAuthOptions
from authward.plugin_base import PluginBase
from authward.secondary_storage import SecondaryStorage
from authward.security.rate_counters import DatabaseCounter, MemoryCounter, StorageCounter
from authward.security.rate_limit import Counter, Limit, RateLimiter, longest_window
from authward.storage.statements import Executor

_MAX_WINDOW = 31_536_000  # a year, in seconds
_MAX_COUNT = 2**31 - 2


def is_in_database(options: BetterAuthOptions) -> bool:
    """Whether requests are counted in a table."""
    given = options.rate_limit
    return given.enabled and _storage(options) == "database" and given.custom_storage is None


def _storage(options: BetterAuthOptions) -> str:
    usual = "database" if options.secondary_storage is None else "secondary-storage"
    return options.rate_limit.storage or usual


def rate_limiter(
    options: BetterAuthOptions,
    database: Executor,
    storage: SecondaryStorage | None,
    plugins: Sequence[PluginBase],
) -> RateLimiter:
    """Return what counts requests."""
    given = options.rate_limit
    rules = [rule for plugin in plugins for rule in plugin.rate_limit]
    counter: Counter | None = None
    if given.enabled:
        counter = _counter(options, database, storage, longest_window(rules, given))
    return RateLimiter(
        counter,
        trusted_proxy_hops=options.advanced.trusted_proxy_hops,
        base_path=options.base_path,
        rules=rules,
        options=given,
    )


def _counter(
    options: BetterAuthOptions, database: Executor, storage: SecondaryStorage | None, longest: int
) -> Counter:
    custom = options.rate_limit.custom_storage
    if custom is not None:
        return custom
    if _storage(options) == "secondary-storage" and storage is not None:
        return StorageCounter(storage)
    return DatabaseCounter(database, longest) if is_in_database(options) else MemoryCounter()


def _check_storage(options: BetterAuthOptions) -> None:
    given, storage = options.rate_limit, options.secondary_storage
    if given.storage not in {None, "database", "memory", "secondary-storage"}:
        raise ConfigurationError("rate_limit.storage is database, memory or secondary-storage")
    if storage is not None and not isinstance(storage, SecondaryStorage):
        raise ConfigurationError("secondary_storage lacks a method of SecondaryStorage")
    if given.storage == "secondary-storage" and storage is None:
        raise ConfigurationError("rate_limit.storage: there is no secondary_storage")
    if given.custom_storage is not None and not hasattr(given.custom_storage, "consume"):
        raise ConfigurationError("rate_limit.custom_storage has an async function consume")


def check_rate_limits(options: BetterAuthOptions) -> None:
    """Refuse what cannot count.

    Raises:
        ConfigurationError: it names the option.
    """
    given: Any = options.rate_limit
    _check_limit("rate_limit", given)
    _check_storage(options)
    if not isinstance(given.custom_rules, Mapping):
        raise ConfigurationError("rate_limit.custom_rules is a mapping of paths to rules")
    for path, rule in given.custom_rules.items():
        where = f"rate_limit.custom_rules[{path!r}]"
        if not isinstance(path, str) or not path.startswith(("/", "*")):
            raise ConfigurationError(f"{where}: a path begins with /")
        if isinstance(rule, Limit):
            _check_limit(where, rule)
        elif rule is not False and not callable(rule):
            raise ConfigurationError(f"{where} is a Limit(…), False or an async function")


def _check_limit(where: str, limit: Any) -> None:
    for name, most in (("window", _MAX_WINDOW), ("max", _MAX_COUNT)):
        value = getattr(limit, name)
        if type(value) is not int or not 1 <= value <= most:
            raise ConfigurationError(f"{where}.{name} is a number from 1 to {most}, not {value!r}")
