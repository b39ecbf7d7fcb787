"""All conversations, one module for each endpoint or concern."""

from tests.conformance.model import Conversation

from . import (
    bearer,
    bodies,
    callbacks,
    cookies,
    delete_user,
    emails,
    lists,
    origins,
    passwords,
    paths,
    revoking,
    secure,
    session,
    sign_in,
    sign_out,
    sign_up,
    update_user,
    verify_password,
)

CONVERSATIONS: list[Conversation] = [
    *sign_up.CONVERSATIONS,
    *emails.CONVERSATIONS,
    *sign_in.CONVERSATIONS,
    *bodies.CONVERSATIONS,
    *callbacks.CONVERSATIONS,
    *origins.CONVERSATIONS,
    *session.CONVERSATIONS,
    *cookies.CONVERSATIONS,
    *bearer.CONVERSATIONS,
    *lists.CONVERSATIONS,
    *sign_out.CONVERSATIONS,
    *update_user.CONVERSATIONS,
    *passwords.CONVERSATIONS,
    *delete_user.CONVERSATIONS,
    *paths.CONVERSATIONS,
    *secure.CONVERSATIONS,
    *revoking.CONVERSATIONS,
    *verify_password.CONVERSATIONS,
]
