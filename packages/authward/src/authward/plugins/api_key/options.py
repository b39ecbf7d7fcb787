"""The options of `api_key`, and what cannot be among them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias

from authward.endpoint_context import EndpointContext
from authward.errors import ConfigurationError
from authward.plugins.access import Statements

ID: Final = "api-key"
DEFAULT: Final = "default"
DAY_MS: Final = 86_400_000
_LONGEST: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRequest:
    """A key that a request bears; `ctx` is the request's."""

    ctx: EndpointContext
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be made; `length` is that of the part after the prefix."""

    length: int
    prefix: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """Whose key is being made: a user's id, or an organization's."""

    reference_id: str
    ctx: EndpointContext


class KeyStorage(Protocol):
    """What keys need of a secondary storage; times to live are in seconds, None for no end."""

    async def get(self, key: str) -> str | None:
        """Return the text, None if there is none or no longer."""

    async def set(self, key: str, value: str, ttl: int | None = None) -> None:
        """Keep a text in the place of any older one."""

    async def delete(self, key: str) -> None:
        """Remove a text, if it is there."""


KeyGetter: TypeAlias = Callable[[EndpointContext], str | None]
KeyValidator: TypeAlias = Callable[[KeyRequest], Awaitable[bool]]
KeyGenerator: TypeAlias = Callable[[NewKey], Awaitable[str]]
DefaultPermissions: TypeAlias = Statements | Callable[[KeyOwner], Awaitable[Statements]]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRateLimitOptions:
    """How often each new key may be used.

    Args:
        enabled: whether keys have a limit at all.
        time_window: in milliseconds.
        max_requests: in a window.
    """

    enabled: bool = True
    time_window: int = DAY_MS
    max_requests: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyExpirationOptions:
    """How long keys live.

    Args:
        default_expires_in: seconds; None for ever.
        disable_custom_expires_time: clients may not choose.
        min_expires_in, max_expires_in: days between which clients may choose.
    """

    default_expires_in: int | None = None
    disable_custom_expires_time: bool = False
    min_expires_in: float = 1
    max_expires_in: float = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingCharactersOptions:
    """What of a key is kept to recognise it by.

    Args:
        should_store: whether anything is.
        characters_length: how many characters, the prefix's too.
    """

    should_store: bool = True
    characters_length: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyOptions:
    """The original's options of one kind of keys.

    Args:
        config_id: the kind's name, where there are several.
        api_key_headers: where a key is looked for, if it stands for a session.
        custom_api_key_getter: finds it otherwise: a function of the request's `ctx`.
        custom_api_key_validator: refuses keys before the database is asked.
        custom_key_generator: makes keys.
        default_key_length: without the prefix; a shorter key is refused unread.
        default_prefix: of keys for which the client names none.
        minimum_prefix_length, maximum_prefix_length: of a prefix that a client names.
        require_name, minimum_name_length, maximum_name_length: of the name of a key.
        enable_metadata: whether clients may keep an object with a key.
        disable_key_hashing: keys are kept as they are: do not.
        key_expiration, rate_limit, starting_characters_config: see there.
        enable_session_for_api_keys: a key stands for its user's session, and for `CurrentUser`.
        enable_current_user_for_api_keys: a key is good for `CurrentUser` in the host's endpoints,
            and for none of the server's own.
        default_permissions: of keys for which the server names none; may be an async function.
        references: whose the keys are; organizations' need the plugin `organization`.
        storage: "database", or "secondary-storage": then keys are there alone.
        fallback_to_database: keys are in both, and the table decides; the storage saves reading it.
        custom_storage: a secondary storage for these keys alone.
        defer_updates: what removes keys that are over or used up happens after the answer.
    """

    config_id: str | None = None
    api_key_headers: str | Sequence[str] = "x-api-key"
    custom_api_key_getter: KeyGetter | None = None
    custom_api_key_validator: KeyValidator | None = None
    custom_key_generator: KeyGenerator | None = None
    default_key_length: int = 64
    default_prefix: str | None = None
    minimum_prefix_length: int = 1
    maximum_prefix_length: int = 32
    require_name: bool = False
    minimum_name_length: int = 1
    maximum_name_length: int = 32
    enable_metadata: bool = False
    disable_key_hashing: bool = False
    key_expiration: KeyExpirationOptions = field(default_factory=KeyExpirationOptions)
    rate_limit: KeyRateLimitOptions = field(default_factory=KeyRateLimitOptions)
    starting_characters_config: StartingCharactersOptions = field(
        default_factory=StartingCharactersOptions
    )
    enable_session_for_api_keys: bool = False
    enable_current_user_for_api_keys: bool = False
    default_permissions: DefaultPermissions | None = None
    references: Literal["user", "organization"] = "user"
    storage: Literal["database", "secondary-storage"] = "database"
    fallback_to_database: bool = False
    custom_storage: KeyStorage | None = None
    defer_updates: bool = False

    @property
    def headers(self) -> tuple[str, ...]:
        """The names in `api_key_headers`."""
        given = self.api_key_headers
        return (given,) if isinstance(given, str) else tuple(given)

    @property
    def name(self) -> str:
        """The kind's name as rows have it."""
        return self.config_id or DEFAULT

    @property
    def is_good_for_current_user(self) -> bool:
        """Whether the host's endpoints take such a key."""
        return self.enable_session_for_api_keys or self.enable_current_user_for_api_keys


def check_options(given: Sequence[ApiKeyOptions], *, several: bool) -> None:
    """Refuse what cannot work.

    Raises:
        ConfigurationError: it names the option.
    """
    names = [options.config_id for options in given]
    if several and (not given or not all(names)):
        raise ConfigurationError(f"{ID}: each of several kinds of keys has a config_id")
    if len(set(names)) != len(names):
        raise ConfigurationError(f"{ID}: two kinds of keys have one config_id")
    for options in given:
        _check(options)


def _check(options: ApiKeyOptions) -> None:
    counts: dict[str, Any] = {
        "default_key_length": options.default_key_length,
        "maximum_prefix_length": options.maximum_prefix_length,
        "maximum_name_length": options.maximum_name_length,
        "rate_limit.time_window": options.rate_limit.time_window,
        "rate_limit.max_requests": options.rate_limit.max_requests,
    }
    for name, value in counts.items():
        if type(value) is not int or value < 1:
            raise ConfigurationError(f"{ID}: {name} is a number of 1 or more, not {value!r}")
    for what in ("prefix", "name"):
        least, most = (getattr(options, f"{end}imum_{what}_length") for end in ("min", "max"))
        if not 0 <= least <= most <= _LONGEST:
            message = f"{ID}: minimum_{what}_length is at most maximum_{what}_length, at most 255"
            raise ConfigurationError(message)
    if options.key_expiration.min_expires_in > options.key_expiration.max_expires_in:
        raise ConfigurationError(f"{ID}: min_expires_in is more than max_expires_in")
    _check_words(options)
    if options.is_good_for_current_user and options.references != "user":
        raise ConfigurationError(f"{ID}: a session has a user, so references is user with it")


def _check_words(options: ApiKeyOptions) -> None:
    if options.storage not in {"database", "secondary-storage"}:
        raise ConfigurationError(f"{ID}: storage is database or secondary-storage")
    if options.references not in {"user", "organization"}:
        raise ConfigurationError(f"{ID}: references is user or organization")


def is_default(name: str | None) -> bool:
    """Whether this is the kind that has no name; rows of old servers name none."""
    return not name or name == DEFAULT


def same_kind(one: str | None, other: str | None) -> bool:
    """Whether both names are of one kind."""
    return (is_default(one) and is_default(other)) or one == other


def permissions_of(given: Mapping[str, Any] | None) -> dict[str, list[str]] | None:
    """Return permissions as JSON has them."""
    return None if given is None else {name: list(actions) for name, actions in given.items()}
