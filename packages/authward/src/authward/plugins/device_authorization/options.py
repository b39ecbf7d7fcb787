"""The options of `device_authorization`."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from ada_url import URL

from authward.errors import ConfigurationError
from authward.plugins.schema_options import SchemaOptions

ID: Final = "device-authorization"
LONGEST_CODE: Final = 191
_PERIOD = re.compile(r"(\d+(?:\.\d+)?) ?([a-z]+)", re.IGNORECASE)
_SECONDS: Final = {
    "s": 1,
    "sec": 1,
    "second": 1,
    "m": 60,
    "min": 60,
    "minute": 60,
    "h": 3_600,
    "hr": 3_600,
    "hour": 3_600,
    "d": 86_400,
    "day": 86_400,
    "w": 604_800,
    "week": 604_800,
}
_LONGEST_PERIOD: Final = 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRequest:
    """A device that asks for codes, or for its token; then the scope is not known."""

    client_id: str
    scope: str | None = None


CodeGenerator: TypeAlias = Callable[[], Awaitable[str]]
ClientValidator: TypeAlias = Callable[[DeviceRequest], Awaitable[bool]]
RequestHook: TypeAlias = Callable[[DeviceRequest], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAuthorizationOptions:
    """The original's options.

    Args:
        expires_in: how long codes live, such as `30m`, `1 hour`, `90s`.
        interval: how long a device waits before it asks again.
        device_code_length, user_code_length: of codes that are made here, at most 191.
        generate_device_code, generate_user_code: make them otherwise.
        validate_client: whether there is such a client; by default any is let in.
        on_device_auth_request: called before the codes are made.
        verification_uri: the page where users type their code: absolute, or a path.
        schema: other names for the table and its columns, by `deviceCode`.
    """

    expires_in: str = "30m"
    interval: str = "5s"
    device_code_length: int = 40
    user_code_length: int = 8
    generate_device_code: CodeGenerator | None = None
    generate_user_code: CodeGenerator | None = None
    validate_client: ClientValidator | None = None
    on_device_auth_request: RequestHook | None = None
    verification_uri: str | None = None
    schema: SchemaOptions = field(default_factory=dict)

    @property
    def lifetime(self) -> float:
        """Seconds that codes live."""
        return seconds(self.expires_in)

    @property
    def pause(self) -> float:
        """Seconds that a device waits."""
        return seconds(self.interval)


def seconds(period: str) -> float:
    """Return how long a text such as `30m` or `2 hours` is.

    Raises:
        ValueError: it is none.
    """
    found = _PERIOD.fullmatch(period)
    unit = found[2].lower() if found else ""
    unit = unit if unit in _SECONDS else unit.removesuffix("s")
    if found is None or unit not in _SECONDS:
        raise ValueError(period)
    return float(found[1]) * _SECONDS[unit]


def check_options(options: DeviceAuthorizationOptions) -> None:
    """Refuse what cannot work.

    Raises:
        ConfigurationError: it names the option.
    """
    for name in ("expires_in", "interval"):
        _check_period(name, getattr(options, name))
    for name in ("device_code_length", "user_code_length"):
        length: Any = getattr(options, name)
        if type(length) is not int or not 1 <= length <= LONGEST_CODE:
            message = f"{ID}: {name} is a number from 1 to {LONGEST_CODE}, not {length!r}"
            raise ConfigurationError(message)
    uri: Any = options.verification_uri
    try:
        URL(uri or "/device", base="http://localhost")
    except (TypeError, ValueError):
        message = f"{ID}: verification_uri is an URL or a path, not {uri!r}"
        raise ConfigurationError(message) from None


def _check_period(name: str, period: Any) -> None:
    try:
        is_fine = 1 <= seconds(period) <= _LONGEST_PERIOD
    except (TypeError, ValueError):
        is_fine = False
    if not is_fine:
        message = f"{ID}: {name} is a text such as '30m', from 1s to 365d, not {period!r}"
        raise ConfigurationError(message)
