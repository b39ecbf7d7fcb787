"""All plugins of `tests/js/plugins-round.mjs` at once; their conversations are in other modules."""

from dataclasses import replace
from typing import Final

from authward import BetterAuthOptions
from authward.plugins import (
    AnonymousOptions,
    ApiKeyOptions,
    EmailOTPOptions,
    LastLoginMethodOptions,
    MagicLinkOptions,
    PhoneNumberOptions,
    SignUpOnVerification,
    anonymous,
    api_key,
    device_authorization,
    email_otp,
    last_login_method,
    magic_link,
    multi_session,
    one_time_token,
    phone_number,
)
from authward.plugins.anonymous import LinkedAccount
from tests.conformance.model import Scenario
from tests.conformance.setup import Collect, Setup
from tests.conformance.setups.guests import Linked

CLIENT_PLUGINS: Final = "client plugins"


def _options(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    async def linked(event: LinkedAccount) -> None:
        await collect("linked")(Linked(event.anonymous_user.user, event.new_user.user))

    phones = PhoneNumberOptions(
        send_otp=collect("sms"),
        send_password_reset_otp=collect("sms"),
        sign_up_on_verification=SignUpOnVerification(
            get_temp_email=lambda number: f"p{number[1:]}@phones.example"
        ),
    )
    added = (
        magic_link(MagicLinkOptions(send_magic_link=collect("link"))),
        email_otp(EmailOTPOptions(send_verification_otp=collect("code"))),
        phone_number(phones),
        anonymous(AnonymousOptions(on_link_account=linked)),
        multi_session(),
        one_time_token(),
        last_login_method(LastLoginMethodOptions(store_in_database=True)),
        api_key(ApiKeyOptions(enable_session_for_api_keys=True, enable_metadata=True)),
        device_authorization(),
    )
    return replace(base, plugins=(*(base.plugins or ()), *added))


SETUPS: Final = {CLIENT_PLUGINS: Setup("client_plugins", _options)}
SCENARIOS: Final[list[Scenario]] = []
