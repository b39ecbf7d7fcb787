"""E-mails with a link that verifies or changes an e-mail address."""

from dataclasses import replace

from authward.callbacks import ChangeEmailLink, EmailLink
from authward.endpoint_context import EndpointContext
from authward.security.cookies import encode_uri_component
from authward.security.email_tokens import EmailClaims
from authward.storage.rows import AuthUser


def queue_verification_email(
    ctx: EndpointContext, user: AuthUser, callback_url: str | None
) -> None:
    """Queue the e-mail that verifies `user.email`, if the application sends such e-mails."""
    claims = EmailClaims(user.email.lower(), user_id=user.id)
    queue_email_link(ctx, user, claims, callback_url)


def queue_new_email_verification(
    ctx: EndpointContext, user: AuthUser, new_email: str, callback_url: str | None
) -> None:
    """Queue the e-mail to the new address that verifies it and completes the change."""
    claims = EmailClaims(user.email.lower(), new_email, "change-email-verification", user.id)
    queue_email_link(ctx, replace(user, email=new_email), claims, callback_url)


def queue_email_link(
    ctx: EndpointContext, user: AuthUser, claims: EmailClaims, callback_url: str | None
) -> None:
    """Queue an e-mail to `user.email` with a link that carries these claims."""
    if send := ctx.auth.options.email_verification.send_verification_email:
        ctx.run_in_background(lambda: send(EmailLink(user, *_link(ctx, claims, callback_url))))


def queue_change_email_confirmation(
    ctx: EndpointContext, user: AuthUser, new_email: str, callback_url: str | None
) -> None:
    """Queue the e-mail to the current address that confirms the wish to change it."""
    claims = EmailClaims(user.email.lower(), new_email, "change-email-confirmation", user.id)
    if send := ctx.auth.options.user.change_email.send_change_email_confirmation:
        ctx.run_in_background(
            lambda: send(ChangeEmailLink(user, *_link(ctx, claims, callback_url), new_email))
        )


def _link(ctx: EndpointContext, claims: EmailClaims, callback_url: str | None) -> tuple[str, str]:
    options = ctx.auth.options
    token = ctx.auth.email_tokens.issue(claims, options.email_verification.expires_in)
    callback = encode_uri_component(callback_url or "/")
    return f"{options.url}/verify-email?token={token}&callbackURL={callback}", token
