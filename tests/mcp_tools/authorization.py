"""A person for the suite's authorization scenarios: they register a client, sign in and allow."""

import re
import subprocess
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from tests.conftest import PASSWORD, new_email
from tests.support.servers import TaskwardServer, free_port

_PRINTED = re.compile(r"http\S+/oauth2/authorize\?\S+")
_SECONDS = 30


def authorized(command: Sequence[str], server: TaskwardServer) -> str:
    """Run `command` with a client's options, do in a browser's stead what it asks for; its output.

    Args:
        command: the suite's `authorization`.
        server: which is the authorization server too.
    """
    port, issuer = free_port(), f"{server.url}/api/auth"
    with httpx.Client(headers={"Origin": server.url}, timeout=_SECONDS) as person:
        body = {"email": new_email(), "password": PASSWORD, "name": "Ada"}
        person.post(f"{issuer}/sign-up/email", json=body).raise_for_status()
        client_id = _registered(person, issuer, f"http://127.0.0.1:{port}/callback")
        process = subprocess.Popen(
            [
                *(*command, "--url", issuer, "--client-id", client_id),
                *("--resource", f"{server.url}/mcp", "--port", str(port)),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        output = ""
        with process:
            for line in process.stdout:
                output += line
                if (found := _PRINTED.search(line)) is not None:
                    _allow(person, issuer, found[0])
    return output


def _registered(person: httpx.Client, issuer: str, redirect_uri: str) -> str:
    body = {
        "client_name": "The conformance suite",
        "redirect_uris": [redirect_uri],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    }
    answer = person.post(f"{issuer}/oauth2/register", json=body)
    return str(answer.raise_for_status().json()["client_id"])


def _allow(person: httpx.Client, issuer: str, url: str) -> None:
    query = urlsplit(person.get(url).headers["location"]).query
    body = {"accept": True, "oauth_query": query}
    allowed = person.post(f"{issuer}/oauth2/consent", json=body).raise_for_status()
    person.get(allowed.json()["url"])
