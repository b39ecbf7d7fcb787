"""Every operation that can name a thing of somebody else, and where in its request it does.

`NAMES_NOTHING` and `ELSEWHERE` hold all other operations, so that none is forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tests.assistants.rpc import MODERN, envelope

MCP = "/mcp"
WITH_JWT = ("/api/tasks", MCP)
NAME = "{name}"
"""Stands for the thing in paths and bodies."""


@dataclass(frozen=True, slots=True)
class Row:
    """An operation, and where in its request a thing is named."""

    operation: str
    kind: Literal["task", "session", "account", "deletion", "access token", "e-mail"]
    method: str
    path: str
    body: object = None
    signed_in: bool = True
    hashes: bool = False
    """Whether it hashes a password, which takes a hundred times as long as anything else."""
    headers: Mapping[str, str] = field(default_factory=dict)
    repeats: bool = False
    """Whether the answer repeats the name, which is a number in the body."""
    uses_up: bool = False
    """Whether a foreign thing is used up, as in the original: a write, which takes its time.

    To name it one has to know a secret of 32 characters that was mailed to somebody else.
    """

    def __str__(self) -> str:
        return f"{self.operation} by {self.kind}{'' if self.signed_in else ' of nobody'}"


def _tool_row(name: str, **more: object) -> Row:
    """A tool for assistants that takes a task's id."""
    arguments = {"task_id": NAME, **more}
    return Row(
        f"tool {name}",
        "task",
        "POST",
        MCP,
        envelope("tools/call", {"name": name, "arguments": arguments}),
        headers={
            "MCP-Protocol-Version": MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": name,
        },
        repeats=True,
    )


_TASK = {"title": "Mine now", "completed": True}
_RESET = {"newPassword": "another good password"}
_WRONG = {"email": NAME, "password": "not the password"}
ROWS = (
    Row("getTask", "task", "GET", f"/api/tasks/{NAME}"),
    Row("updateTask", "task", "PUT", f"/api/tasks/{NAME}", _TASK),
    Row(
        "toggleTask",
        "task",
        "PATCH",
        f"/api/tasks/{NAME}/complete",
    ),
    Row("deleteTask", "task", "DELETE", f"/api/tasks/{NAME}"),
    _tool_row("get_task"),
    _tool_row("update_task", **_TASK),
    _tool_row("complete_task"),
    _tool_row("delete_task"),
    Row("revokeSession", "session", "POST", "/api/auth/revoke-session", {"token": NAME}),
    Row("unlinkAccount", "account", "POST", "/api/auth/unlink-account", {"accountId": NAME}),
    Row(
        "deleteUser",
        "deletion",
        "POST",
        "/api/auth/delete-user",
        {"token": NAME},
        uses_up=True,
    ),
    Row(
        "deleteUserCallback",
        "deletion",
        "GET",
        f"/api/auth/delete-user/callback?token={NAME}",
        uses_up=True,
    ),
    Row(
        "resetPasswordToken",
        "deletion",
        "GET",
        f"/api/auth/reset-password/{NAME}?callbackURL=%2Freset",
    ),
    Row(
        "resetPassword",
        "deletion",
        "POST",
        "/api/auth/reset-password",
        _RESET | {"token": NAME},
    ),
    Row("verifyEmail", "access token", "GET", f"/api/auth/verify-email?token={NAME}"),
    Row("changeEmail", "e-mail", "POST", "/api/auth/change-email", {"newEmail": NAME}),
    Row(
        "sendVerificationEmail",
        "e-mail",
        "POST",
        "/api/auth/send-verification-email",
        {"email": NAME},
    ),
    Row(
        "sendVerificationEmail",
        "e-mail",
        "POST",
        "/api/auth/send-verification-email",
        {"email": NAME},
        signed_in=False,
    ),
    Row(
        "requestPasswordReset",
        "e-mail",
        "POST",
        "/api/auth/request-password-reset",
        {"email": NAME},
        signed_in=False,
    ),
    *(
        Row(operation, "e-mail", "POST", path, _WRONG, signed_in=False, hashes=True)
        for operation, path in (
            ("signInEmail", "/api/auth/sign-in/email"),
            ("login", "/api/auth/login"),
            ("loginEmail", "/api/auth/login/email"),
        )
    ),
)
NAMES_NOTHING = {
    "createTask": ("POST", "/api/tasks"),
    "listTasks": ("GET", "/api/tasks"),
    "signOut": ("POST", "/api/auth/sign-out"),
    "getSession": ("GET", "/api/auth/get-session"),
    "getSessionByPost": ("POST", "/api/auth/get-session"),
    "listSessions": ("GET", "/api/auth/list-sessions"),
    "revokeSessions": ("POST", "/api/auth/revoke-sessions"),
    "revokeOtherSessions": ("POST", "/api/auth/revoke-other-sessions"),
    "updateSession": ("POST", "/api/auth/update-session"),
    "jwks": ("GET", "/api/auth/jwks"),
    "token": ("GET", "/api/auth/token"),
    "updateUser": ("POST", "/api/auth/update-user"),
    "changePassword": ("POST", "/api/auth/change-password"),
    "verifyPassword": ("POST", "/api/auth/verify-password"),
    "listAccounts": ("GET", "/api/auth/list-accounts"),
    "oauthCreateClient": ("POST", "/api/auth/oauth2/create-client"),
    "oauthGetClients": ("GET", "/api/auth/oauth2/get-clients"),
    "oauthGetConsents": ("GET", "/api/auth/oauth2/get-consents"),
    "ok": ("GET", "/api/auth/ok"),
    "error": ("GET", "/api/auth/error"),
}
"""Operations that are about whoever asks, or about nobody; who names somebody is not heard."""
ELSEWHERE = {
    "tool add_task": "whom its user_id names is compared: tests/assistants/test_tools.py",
    "tool add_tasks": "the same",
    "tool list_tasks": "the same",
    "signUpEmail": "an address cannot be signed up twice, and the original says so",
    "signup": "the same",
    "signInSocial": "names a provider; whose account it is, tests/auth/test_social_accounts.py",
    "linkSocial": "names a provider; whose account it is, tests/auth/test_social_accounts.py",
    "callbackProvider": "names a state of this very browser: tests/auth/test_social_browser.py",
    "callbackProviderByPost": "sends the browser to the same by GET",
    **dict.fromkeys(
        ("accountInfo", "getAccessToken", "refreshToken"),
        "whose account it is: tests/conformance/scenarios/account_tokens.py",
    ),
    **dict.fromkeys(
        (
            *("oauthGetConsent", "oauthUpdateConsent", "oauthDeleteConsent"),
            *("oauthGetClient", "oauthUpdateClient", "oauthDeleteClient"),
            "oauthClientRotateSecret",
        ),
        "somebody else's consents and clients: tests/auth/test_oauth_attacks.py",
    ),
    **dict.fromkeys(
        (
            *("oauthAuthorize", "oauthAuthorizeByPost", "oauthConsent", "oauthContinue"),
            *("oauthToken", "oauthRevoke", "oauthIntrospect"),
            *("oauthUserinfo", "oauthUserinfoByPost"),
            *("oauthEndSession", "oauthEndSessionByPost", "oauthEndSessionConfirm"),
        ),
        "codes, tokens and signed queries of other clients and users: the same file",
    ),
    **dict.fromkeys(
        ("oauthRegister", "oauthPublicClient", "oauthPublicClientPrelogin"),
        "clients are public: nobody's, or shown by their names only",
    ),
}
