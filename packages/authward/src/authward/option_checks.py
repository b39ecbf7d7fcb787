"""Refuses options with which the server would be insecure or would work nowhere."""

import re
from dataclasses import fields, is_dataclass, replace
from typing import Any

import structlog

from authward.base_urls import main_url
from authward.errors import ConfigurationError
from authward.options import BetterAuthOptions
from authward.schema.table_options import check_tables
from authward.security.origins import InvalidOriginError, check_trusted_origin

_SECRET_MIN_LENGTH = 32
_PASSWORD_MAX_LENGTH = 4_096
_BASE_PATH = re.compile(r"(/(?!\.{1,2}(/|$))[\w.~-]+)+", re.ASCII)

log = structlog.get_logger(__name__)


def check_options(options: BetterAuthOptions) -> None:
    """Refuse options; warn of a short secret, as the original does.

    Raises:
        ConfigurationError: it names the option; a secret is not shown.
    """
    _check_secrets(options)
    _check_urls(options)
    _check_proxies(options)
    _check_groups(options)
    _check_times(options)
    _check_passwords(options)
    _check_paths(options)
    check_tables(options)
    name: Any = options.app_name
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"app_name is a text such as 'Tasks', not {name!r}")


def _check_passwords(options: BetterAuthOptions) -> None:
    group = options.email_and_password
    least, most = group.min_password_length, group.max_password_length
    for name, value in (("min_password_length", least), ("max_password_length", most)):
        if type(value) is not int or not 1 <= value <= _PASSWORD_MAX_LENGTH:
            message = f"email_and_password.{name} is a number up to {_PASSWORD_MAX_LENGTH}"
            raise ConfigurationError(message)
    if least > most:
        raise ConfigurationError("min_password_length is more than max_password_length")
    if group.password.hash is not None and group.password.verify is None:
        raise ConfigurationError("email_and_password.password: a hash needs a verify of its own")


def _check_paths(options: BetterAuthOptions) -> None:
    disabled: Any = options.disabled_paths
    if isinstance(disabled, str):
        raise ConfigurationError(f"disabled_paths is a tuple of texts, not one text: {disabled!r}")
    for path in disabled:
        if not isinstance(path, str) or not path.startswith("/"):
            raise ConfigurationError(f"disabled_paths: {path!r} is no path such as /sign-up/email")


def _check_secrets(options: BetterAuthOptions) -> None:
    old_secrets: Any = options.old_secrets
    if isinstance(old_secrets, str):
        raise ConfigurationError("old_secrets is a tuple of texts, not one text")
    named = [("secret", options.secret), *(("old_secrets", old) for old in old_secrets)]
    secret: Any
    for name, secret in named:
        if not isinstance(secret, str) or not secret.strip():
            raise ConfigurationError(f"{name} is missing: create one with `openssl rand -hex 32`")
    if len(options.secret) < _SECRET_MIN_LENGTH:
        log.warning("The secret should have 32 characters or more", length=len(options.secret))


def with_path_of_base_url(options: BetterAuthOptions) -> BetterAuthOptions:
    """Return options whose `base_url` is an origin alone.

    As in the original, a path in `base_url` says where the endpoints are, whatever `base_path`
    says, and a slash at its end says nothing.

    Raises:
        ConfigurationError: `dynamic_base_url` is wrong, or there is a `base_url` beside it.
    """
    if options.dynamic_base_url is not None:
        if options.base_url:
            raise ConfigurationError("base_url and dynamic_base_url are two answers: give one")
        return replace(options, base_url=main_url(options.dynamic_base_url))
    given: Any = options.base_url
    if not isinstance(given, str):
        return options
    scheme, separator, rest = given.partition("://")
    host, _, path = rest.partition("/")
    path = path.rstrip("/")
    base_path = f"/{path}" if path else options.base_path
    return replace(options, base_url=scheme + separator + host, base_path=base_path)


def _check_urls(options: BetterAuthOptions) -> None:
    base_url, base_path = options.base_url, options.base_path
    trusted: Any = options.trusted_origins
    if not _is_origin(base_url):
        message = f"base_url is a URL such as https://api.example.com, not {base_url!r}"
        raise ConfigurationError(message)
    if not base_path.startswith("/") or base_path.endswith("/"):
        message = f"base_path begins with / and does not end with it: {base_path!r}"
        raise ConfigurationError(message)
    if _BASE_PATH.fullmatch(base_path) is None:
        message = f"the path of the endpoints is like /api/auth, not {base_path!r}"
        raise ConfigurationError(message)
    if isinstance(trusted, str):
        raise ConfigurationError(f"trusted_origins is a tuple of texts, not one text: {trusted!r}")
    for origin in trusted:
        try:
            check_trusted_origin(origin)
        except InvalidOriginError as error:
            raise ConfigurationError(f"trusted_origins: {error}") from None


def _check_proxies(options: BetterAuthOptions) -> None:
    trusted: Any = options.advanced.trusted_proxy_headers
    if type(trusted) is not bool:
        raise ConfigurationError("advanced.trusted_proxy_headers is True or False")
    if trusted and options.dynamic_base_url is None:
        raise ConfigurationError("advanced.trusted_proxy_headers needs dynamic_base_url")


def _is_origin(url: object) -> bool:
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        return False
    try:
        check_trusted_origin(url)
    except InvalidOriginError:
        return False
    return not url.endswith("/") and not {"*", "?"} & set(url)


def _check_groups(options: BetterAuthOptions) -> None:
    for field in fields(options):
        default, value = field.default, getattr(options, field.name)
        if field.name == "tables":
            continue  # may be a word
        if is_dataclass(default) and not isinstance(value, type(default)):
            message = f"{field.name} is {type(default).__name__}(…), not {value!r}"
            raise ConfigurationError(message)


def _check_times(group: Any, within: str = "") -> None:
    for field in fields(group):
        name, value = field.name, getattr(group, field.name)
        if is_dataclass(value):
            _check_times(value, f"{within}{name}.")
        elif name.endswith("expires_in") and (type(value) is not int or value < 1):
            raise ConfigurationError(f"{within}{name} is a number of seconds, not {value!r}")
