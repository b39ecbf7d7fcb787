"""Refuses options with which no provider could work, when the server is made."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from authward.context import AuthContext
from authward.errors import ConfigurationError
from authward.plugins.oauth_provider.options import (
    GRANT_TYPES,
    OAuthProviderOptions,
    OAuthResource,
)
from authward.plugins.oauth_provider.urls import bad_resource

_SCOPE_TOKEN = frozenset(map(chr, range(0x21, 0x7F))) - {'"', "\\"}
_PAIRWISE_MIN_LENGTH = 32
_SEED_MODES = ("insertOnly", "merge", "overwrite")


def identifiers(resources: Iterable[str | OAuthResource]) -> list[str]:
    """Return the identifiers of resources."""
    return [r if isinstance(r, str) else r.identifier for r in resources]


def check_options(options: OAuthProviderOptions) -> None:
    """Refuse what cannot work.

    Raises:
        ConfigurationError: it names the option.
    """
    _check_kinds(options)
    _check_scopes(options)
    _check_resources(options)
    _check_times(options)
    if options.pairwise_secret is not None and len(options.pairwise_secret) < _PAIRWISE_MIN_LENGTH:
        _refuse(f"pairwise_secret has {_PAIRWISE_MIN_LENGTH} characters or more")
    for grant in options.grant_types:
        if grant not in GRANT_TYPES:
            _refuse(f"grant_types: choose {', '.join(GRANT_TYPES)}, not {grant!r}")
    if "refresh_token" in options.grant_types and "authorization_code" not in options.grant_types:
        _refuse("grant_types: refresh_token needs authorization_code")
    if options.resource_seed_mode not in _SEED_MODES:
        _refuse(f"resource_seed_mode: choose {', '.join(_SEED_MODES)}")


def check_context(context: AuthContext, options: OAuthProviderOptions) -> None:
    """Refuse a server on which these options cannot work.

    Raises:
        ConfigurationError: there are no keys, or a page is elsewhere.
    """
    if context.key_set is None:
        _refuse("needs keys to sign with: use jwt(JwtOptions(jwks=JwksOptions())) before it")
    pages = {
        "login_page": options.login_page,
        "consent_page": options.consent_page,
        "signup.page": options.signup.page,
        "select_account.page": options.select_account and options.select_account.page,
        "post_login.page": options.post_login and options.post_login.page,
    }
    for name, page in pages.items():
        if page is not None and not _may_be_page(context, page):
            _refuse(f"{name} is a path of this site, or on a trusted origin, not {page!r}")


def _may_be_page(context: AuthContext, page: Any) -> bool:
    return (
        isinstance(page, str)
        and not {"?", "#"} & set(page)
        and context.origins.is_trusted_redirect(page)
    )


def _check_kinds(options: OAuthProviderOptions) -> None:
    for each in fields(options):
        value, kind = getattr(options, each.name), str(each.type)
        is_optional = value is None and kind.endswith("| None")
        if kind.startswith("tuple[") and not isinstance(value, tuple) and not is_optional:
            _refuse(f"{each.name} is a tuple, not {value!r}")
        if kind == "bool" and not isinstance(value, bool):
            _refuse(f"{each.name} is True or False, not {value!r}")
        default: Any = each.default
        if type(default).__module__ == OAuthProviderOptions.__module__ and not isinstance(
            value, type(default)
        ):
            _refuse(f"{each.name} is {type(default).__name__}(…), not {value!r}")


def _check_scopes(options: OAuthProviderOptions) -> None:
    for scope in options.scopes:
        given: Any = scope
        if not isinstance(given, str) or not given or not set(given) <= _SCOPE_TOKEN:
            _refuse(f"scopes: {scope!r} is no scope")
    lists = {
        "client_registration_default_scopes": options.client_registration_default_scopes,
        "client_registration_allowed_scopes": options.client_registration_allowed_scopes,
        "advertised_metadata.scopes_supported": options.advertised_metadata.scopes_supported,
    }
    for name, scopes in lists.items():
        for scope in scopes or ():
            if scope not in options.scopes:
                _refuse(f"{name}: {scope!r} is not in scopes")


def _check_resources(options: OAuthProviderOptions) -> None:
    known = identifiers(options.resources)
    for identifier in known:
        wrong = bad_resource(identifier)
        if wrong:
            _refuse(f"resources: {identifier!r}: {wrong}")
    for name in ("client_registration_default_resources", "client_registration_allowed_resources"):
        for identifier in getattr(options, name):
            if identifier not in known:
                _refuse(f"{name}: {identifier!r} is not in resources")


def _check_times(options: OAuthProviderOptions) -> None:
    for each in fields(options):
        value = getattr(options, each.name)
        is_unlimited = each.name == "unused_client_expires_in" and value is None
        if (
            each.name.endswith("expires_in")
            and not is_unlimited
            and (type(value) is not int or value < 1)
        ):
            _refuse(f"{each.name} is a number of seconds, not {value!r}")
    interval = options.refresh_token_reuse_interval
    if type(interval) is not int or interval < 0:
        _refuse(f"refresh_token_reuse_interval is a number of seconds or 0, not {interval!r}")
    for scope, seconds in options.scope_expirations.items():
        if scope not in options.scopes or type(seconds) is not int or seconds < 1:
            _refuse(f"scope_expirations: {scope!r}: {seconds!r}")
    for name in ("token", "authorize", "introspect", "revoke", "register", "userinfo"):
        limit = getattr(options.rate_limit, name)
        if limit is not None and (limit.window < 1 or limit.max < 1):
            _refuse(f"rate_limit.{name}: window and max are 1 or more")


def _refuse(problem: str) -> None:
    raise ConfigurationError(f"the plugin 'oauth-provider': {problem}")
