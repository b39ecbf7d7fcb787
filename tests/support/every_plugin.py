"""Every plugin of Authward in one server, for tests of what must hold for each of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from authward import Plugin, plugins
from authward.endpoint import Endpoint
from authward.plugins.organization import DynamicAccessControlOptions, TeamOptions
from authward.plugins.organization.options import DEFAULT_STATEMENTS
from authward.plugins.two_factor import OTPOptions, TwoFactorOptions

NOT_THERE = {
    "captcha": "it lets nobody in without a provider, and has no endpoints",
    "custom_session": "it has no endpoints",
    "create_access_control": "no plugin",
    "generic_oauth": "it has no endpoints",
    "have_i_been_pwned": "it asks another server, and has no endpoints",
    "oauth_provider": "`mcp` has it",
    "without_options": "no plugin",
}
"""What else `authward.plugins` has, and why it is not among them."""


async def _send_nothing(_: Any) -> None:
    pass


def every_plugin() -> list[Plugin]:
    """With options that turn as much on as there is."""
    ac = plugins.create_access_control({**DEFAULT_STATEMENTS, "project": ["share"]})
    phones = plugins.PhoneNumberOptions(
        send_otp=_send_nothing,
        send_password_reset_otp=_send_nothing,
        sign_up_on_verification=plugins.SignUpOnVerification(
            get_temp_email=lambda number: f"{number.lstrip('+')}@example.com"
        ),
    )
    codes = plugins.EmailOTPOptions(
        send_verification_otp=_send_nothing,
        change_email=plugins.ChangeEmailByOTPOptions(enabled=True),
    )
    organizations = plugins.OrganizationOptions(
        ac=ac,
        send_invitation_email=_send_nothing,
        teams=TeamOptions(enabled=True),
        dynamic_access_control=DynamicAccessControlOptions(enabled=True),
    )
    keys = plugins.ApiKeyOptions(enable_session_for_api_keys=True, enable_metadata=True)
    assistants = plugins.McpOptions(
        login_page="/sign-in",
        consent_page="/consent",
        resource="https://resource.example/mcp",
        scopes=("openid", "offline_access", "tasks:read"),
        allow_dynamic_client_registration=True,
        allow_unauthenticated_client_registration=True,
        allow_public_client_prelogin=True,
    )
    return [
        plugins.jwt(plugins.JwtOptions(jwks=plugins.JwksOptions())),
        plugins.bearer(),
        plugins.token_login(),
        plugins.username(),
        plugins.admin(),
        plugins.organization(organizations),
        plugins.two_factor(TwoFactorOptions(otp_options=OTPOptions(send_otp=_send_nothing))),
        plugins.passkey(),
        plugins.magic_link(plugins.MagicLinkOptions(send_magic_link=_send_nothing)),
        plugins.email_otp(codes),
        plugins.phone_number(phones),
        plugins.anonymous(),
        plugins.multi_session(),
        plugins.one_tap(plugins.OneTapOptions(client_id="the-client")),
        plugins.one_time_token(),
        plugins.last_login_method(plugins.LastLoginMethodOptions(store_in_database=True)),
        plugins.api_key(keys),
        plugins.device_authorization(),
        plugins.expo(),
        plugins.mcp(assistants),
    ]


@dataclass(frozen=True, slots=True)
class Operation:
    """An endpoint of a plugin, with one of its methods."""

    plugin: str
    method: str
    endpoint: Endpoint

    def __str__(self) -> str:
        return f"{self.method} {self.endpoint.path}"


def operations(every: Sequence[Plugin]) -> list[Operation]:
    """Everything that plugins serve over HTTP."""
    return [
        Operation(plugin.id, method, endpoint)
        for plugin in every
        for endpoint in plugin.endpoints
        if not endpoint.server_only
        for method in endpoint.methods
    ]
