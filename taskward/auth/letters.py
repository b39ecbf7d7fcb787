"""The links that are mailed to verify or to change an e-mail address."""

from collections.abc import Awaitable
from dataclasses import replace

from taskward.auth.cookies import encode_uri_component
from taskward.auth.email_tokens import EmailClaims
from taskward.auth.exchange import Exchange
from taskward.auth.hooks import ChangeEmailLetter, HookUser, Letter


def offer_verification(exchange: Exchange, user: HookUser, callback_url: str | None) -> None:
    """Have `user.email` asked whether it is theirs, if the application sends such mails."""
    claims = EmailClaims(user.email.lower(), user_id=user.id)
    send_verification(exchange, user, claims, callback_url)


def offer_change(
    exchange: Exchange, user: HookUser, new_email: str, callback_url: str | None
) -> None:
    """Have the new address asked whether the user may have it."""
    claims = EmailClaims(user.email.lower(), new_email, "change-email-verification", user.id)
    send_verification(exchange, replace(user, email=new_email), claims, callback_url)


def send_verification(
    exchange: Exchange, user: HookUser, claims: EmailClaims, callback_url: str | None
) -> None:
    """Have a link with these claims mailed to `user.email`, once the answer is sent."""
    hook = exchange.auth.options.send_verification_email
    if hook is None:
        return
    send = hook

    def task() -> Awaitable[None]:
        url, token = _link(exchange, claims, callback_url)
        return send(Letter(user, url, token))

    exchange.afterwards(task)


def send_confirmation(
    exchange: Exchange, user: HookUser, new_email: str, callback_url: str | None
) -> None:
    """Have the present address asked whether the user wants another."""
    hook = exchange.auth.options.send_change_email_confirmation
    if hook is None:
        return
    send = hook
    claims = EmailClaims(user.email.lower(), new_email, "change-email-confirmation", user.id)

    def task() -> Awaitable[None]:
        url, token = _link(exchange, claims, callback_url)
        return send(ChangeEmailLetter(user, url, token, new_email))

    exchange.afterwards(task)


def _link(exchange: Exchange, claims: EmailClaims, callback_url: str | None) -> tuple[str, str]:
    options = exchange.auth.options
    token = exchange.auth.email_tokens.issue(claims, options.email_verification_expires_in)
    callback = encode_uri_component(callback_url or "/")
    return f"{options.url}/verify-email?token={token}&callbackURL={callback}", token
