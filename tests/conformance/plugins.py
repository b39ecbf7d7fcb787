"""The settings with plugins and additional fields: what both servers are told in ADDED."""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from tests.support.servers import HOST, ROOT, Server

PLUGINS: Final[dict[str, dict[str, Any]]] = {
    "username": {"username": {}},
    "strict username": {
        "username": {
            "minUsernameLength": 5,
            "maxUsernameLength": 8,
            "immutableUsername": True,
            "displayUsername": False,
        }
    },
    "fields": {
        "user": {
            "additionalFields": {
                "nickname": {"type": "string", "required": False},
                "plan": {"type": "string", "required": True, "defaultValue": "free"},
                "role": {"type": "string", "required": False, "input": False},
                "level": {"type": "number", "required": False, "input": False, "defaultValue": 1},
                "secret": {"type": "string", "required": False, "returned": False},
                "age": {"type": "number", "required": False, "fieldName": "age_in_years"},
                "isBot": {"type": "boolean", "required": False},
                "since": {"type": "date", "required": False, "defaultValue": "<now>"},
                "tags": {"type": "string[]", "required": False},
                "marks": {"type": "number[]", "required": False},
                "settings": {"type": "json", "required": False},
                "kind": {"type": ["cat", "dog"], "required": False},
            }
        },
        "session": {
            "additionalFields": {
                "device": {"type": "string", "required": False},
                "theme": {"type": "string", "required": False, "defaultValue": "light"},
                "hidden": {"type": "string", "required": False, "returned": False},
                "fixed": {"type": "string", "required": False, "input": False},
            }
        },
    },
    "mcp": {
        "mcp": {
            "loginPage": "/sign-in",
            "consentPage": "/consent",
            "resource": "https://resource.example/mcp",
            "scopes": [
                *("openid", "profile", "email", "offline_access", "tasks:read", "tasks:write"),
            ],
            "allowDynamicClientRegistration": True,
            "allowUnauthenticatedClientRegistration": True,
            "allowPublicClientPrelogin": True,
        }
    },
    "strict mcp": {
        "mcp": {
            "loginPage": "/sign-in",
            "consentPage": "/consent",
            "resource": "https://resource.example/mcp",
            "scopes": ["offline_access", "tasks:read"],
        }
    },
    "required field": {
        "user": {"additionalFields": {"code": {"type": "string", "required": True}}}
    },
}


def plugin_settings(setting: str) -> dict[str, str]:
    """The environment variable for a setting, if it is about plugins."""
    return {"ADDED": json.dumps(PLUGINS[setting])} if setting in PLUGINS else {}


class PluginServer(Server):
    """`plugin_app`, as uvicorn runs it."""

    ready_path = "/api/auth/ok"
    forked = True

    def command(self) -> Sequence[str]:
        return [
            *(sys.executable, "-m", "uvicorn", "tests.conformance.plugin_app:app"),
            *("--app-dir", str(ROOT), "--host", HOST, "--port", str(self.port)),
            *("--no-proxy-headers", "--timeout-graceful-shutdown", "5"),
        ]
