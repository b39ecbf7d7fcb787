"""The plugins: those that are on by default, and those that are not.

Each is loaded when it is first asked for: a server pays for none that it does not have.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from authward.hashing import HashedBy
from authward.plugin import Plugin

if TYPE_CHECKING:
    from authward.plugins.access import create_access_control
    from authward.plugins.admin import AdminOptions, admin
    from authward.plugins.anonymous import AnonymousOptions, anonymous
    from authward.plugins.api_key import ApiKeyOptions, api_key
    from authward.plugins.bearer import bearer
    from authward.plugins.captcha import CaptchaOptions, captcha
    from authward.plugins.custom_session import CustomSessionOptions, custom_session
    from authward.plugins.device_authorization import (
        DeviceAuthorizationOptions,
        device_authorization,
    )
    from authward.plugins.email_otp import ChangeEmailByOTPOptions, EmailOTPOptions, email_otp
    from authward.plugins.expo import ExpoOptions, expo
    from authward.plugins.generic_oauth import GenericOAuthConfig, generic_oauth
    from authward.plugins.have_i_been_pwned import HaveIBeenPwnedOptions, have_i_been_pwned
    from authward.plugins.jwt import JwksOptions, JwtOptions, jwt
    from authward.plugins.kept_secrets import EncryptedBy
    from authward.plugins.last_login_method import LastLoginMethodOptions, last_login_method
    from authward.plugins.magic_link import MagicLinkOptions, magic_link
    from authward.plugins.mcp import McpOptions, mcp
    from authward.plugins.multi_session import MultiSessionOptions, multi_session
    from authward.plugins.oauth_provider import (
        ClientIdMetadata,
        OAuthProviderOptions,
        OAuthResource,
        oauth_provider,
    )
    from authward.plugins.one_tap import OneTapOptions, one_tap
    from authward.plugins.one_time_token import OneTimeTokenOptions, one_time_token
    from authward.plugins.organization import OrganizationOptions, organization
    from authward.plugins.passkey import PasskeyOptions, passkey
    from authward.plugins.phone_number import PhoneNumberOptions, SignUpOnVerification, phone_number
    from authward.plugins.schema_options import TableOptions
    from authward.plugins.token_login import token_login
    from authward.plugins.two_factor import TwoFactorOptions, two_factor
    from authward.plugins.username import UsernameOptions, username

__all__ = [
    "NEED_NO_CODE",
    "AdminOptions",
    "AnonymousOptions",
    "ApiKeyOptions",
    "CaptchaOptions",
    "ChangeEmailByOTPOptions",
    "ClientIdMetadata",
    "CustomSessionOptions",
    "DeviceAuthorizationOptions",
    "EmailOTPOptions",
    "EncryptedBy",
    "ExpoOptions",
    "GenericOAuthConfig",
    "HashedBy",
    "HaveIBeenPwnedOptions",
    "JwksOptions",
    "JwtOptions",
    "LastLoginMethodOptions",
    "MagicLinkOptions",
    "McpOptions",
    "MultiSessionOptions",
    "OAuthProviderOptions",
    "OAuthResource",
    "OneTapOptions",
    "OneTimeTokenOptions",
    "OrganizationOptions",
    "PasskeyOptions",
    "PhoneNumberOptions",
    "SignUpOnVerification",
    "TableOptions",
    "TwoFactorOptions",
    "UsernameOptions",
    "admin",
    "anonymous",
    "api_key",
    "bearer",
    "captcha",
    "create_access_control",
    "custom_session",
    "device_authorization",
    "email_otp",
    "expo",
    "generic_oauth",
    "have_i_been_pwned",
    "jwt",
    "last_login_method",
    "magic_link",
    "mcp",
    "multi_session",
    "oauth_provider",
    "one_tap",
    "one_time_token",
    "organization",
    "passkey",
    "phone_number",
    "token_login",
    "two_factor",
    "username",
    "without_options",
]

NEED_NO_CODE = {
    "admin": "admin",
    "anonymous": "anonymous",
    "api-key": "api_key",
    "device-authorization": "device_authorization",
    "last-login-method": "last_login_method",
    "multi-session": "multi_session",
    "organization": "organization",
    "passkey": "passkey",
    "two-factor": "two_factor",
    "username": "username",
}
"""Plugins that are off by default and complete without options: their ids, and their factories."""

_MODULES = {
    "AdminOptions": "admin",
    "AnonymousOptions": "anonymous",
    "CaptchaOptions": "captcha",
    "ChangeEmailByOTPOptions": "email_otp",
    "ClientIdMetadata": "oauth_provider",
    "CustomSessionOptions": "custom_session",
    "EmailOTPOptions": "email_otp",
    "EncryptedBy": "kept_secrets",
    "HaveIBeenPwnedOptions": "have_i_been_pwned",
    "ApiKeyOptions": "api_key",
    "DeviceAuthorizationOptions": "device_authorization",
    "ExpoOptions": "expo",
    "GenericOAuthConfig": "generic_oauth",
    "JwksOptions": "jwt",
    "JwtOptions": "jwt",
    "LastLoginMethodOptions": "last_login_method",
    "MagicLinkOptions": "magic_link",
    "McpOptions": "mcp",
    "MultiSessionOptions": "multi_session",
    "OAuthProviderOptions": "oauth_provider",
    "OAuthResource": "oauth_provider",
    "OneTapOptions": "one_tap",
    "OneTimeTokenOptions": "one_time_token",
    "OrganizationOptions": "organization",
    "PasskeyOptions": "passkey",
    "TableOptions": "schema_options",
    "TwoFactorOptions": "two_factor",
    "PhoneNumberOptions": "phone_number",
    "SignUpOnVerification": "phone_number",
    "UsernameOptions": "username",
    "admin": "admin",
    "anonymous": "anonymous",
    "bearer": "bearer",
    "captcha": "captcha",
    "custom_session": "custom_session",
    "expo": "expo",
    "generic_oauth": "generic_oauth",
    "create_access_control": "access",
    "email_otp": "email_otp",
    "have_i_been_pwned": "have_i_been_pwned",
    "api_key": "api_key",
    "device_authorization": "device_authorization",
    "jwt": "jwt",
    "last_login_method": "last_login_method",
    "magic_link": "magic_link",
    "mcp": "mcp",
    "multi_session": "multi_session",
    "oauth_provider": "oauth_provider",
    "one_tap": "one_tap",
    "one_time_token": "one_time_token",
    "organization": "organization",
    "passkey": "passkey",
    "phone_number": "phone_number",
    "token_login": "token_login",
    "two_factor": "two_factor",
    "username": "username",
}


def without_options(plugin_id: str) -> Plugin:
    """Return one of `NEED_NO_CODE`."""
    plugin: Plugin = _load(NEED_NO_CODE[plugin_id])()
    return plugin


def _load(name: str) -> Any:
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = _load(name)
    setattr(sys.modules[__name__], name, found)
    return found


class _Plugins(ModuleType):
    """Keeps the factories: importing a submodule would put it in the place of one of its name."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _MODULES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Plugins
