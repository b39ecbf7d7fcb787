"""The settings in which mails are sent, or would be: what both servers are told in MAIL."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from tests.support.servers import HOST, ROOT, Server

MAIL: Final[dict[str, dict[str, Any]]] = {
    "mail": {"hooks": True, "changeEmail": True},
    "strict mail": {
        "hooks": True,
        "changeEmail": True,
        "requireEmailVerification": True,
        "sendOnSignIn": True,
        "autoSignInAfterVerification": True,
        "updateEmailWithoutVerification": True,
        "revokeSessionsOnPasswordReset": True,
    },
    "strict mail with usernames": {
        "hooks": True,
        "requireEmailVerification": True,
        "sendOnSignIn": True,
        "username": True,
    },
    "no mailer": {"hooks": False, "changeEmail": True, "requireEmailVerification": True},
}


def mail_settings(setting: str) -> dict[str, str]:
    """The environment variable for a setting, if it is about mail."""
    if setting not in MAIL:
        return {}
    added = {"ADDED": '{"username": {}}'} if "username" in MAIL[setting] else {}
    return {"MAIL": json.dumps(MAIL[setting]), **added}


class MailServer(Server):
    """`mail_app`, as uvicorn runs it."""

    ready_path = "/api/auth/ok"
    forked = True

    def command(self) -> Sequence[str]:
        return [
            *(sys.executable, "-m", "uvicorn", "tests.conformance.mail_app:app"),
            *("--app-dir", str(ROOT), "--host", HOST, "--port", str(self.port)),
            *("--no-proxy-headers", "--timeout-graceful-shutdown", "5"),
        ]
