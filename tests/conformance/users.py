"""People who signed up a moment ago: the rows that either server would have written.

Most scenarios are about somebody who is signed in, and not about how they came to be. Hashing
a password for each of them on both servers took half of the time of all scenarios.
"""

import base64
import hashlib
import hmac
import secrets
from typing import Protocol
from urllib.parse import quote

from tests.support.factories import HASH_OF_PASSWORD, INSERT_SIGNED_UP_USER

from .connections import Connections
from .model import ExistingUser, email


class Place(Protocol):
    """Where somebody has signed up: what is needed of a `Subject`."""

    @property
    def database_url(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def connections(self) -> Connections: ...


def insert_user(place: Place, arrival: ExistingUser, here: str, cookie: str) -> dict[str, str]:
    """Write the rows of somebody; what a client would know of them after they signed up."""
    user_id, token = secrets.token_hex(16), secrets.token_hex(16)
    name, address = arrival.who.title(), email(arrival.who).replace("<<here>>", here)
    values = (user_id, name, address, HASH_OF_PASSWORD, token)
    place.connections.use(
        place.database_url, lambda connection: connection.execute(INSERT_SIGNED_UP_USER, *values)
    )
    known = {"id": user_id, "email": address, "name": name, "token": token}
    return known | cookies(token, cookie, place.secret)


def cookies(token: str, name: str, secret: str) -> dict[str, str]:
    """The session cookie in the forms that scenarios use."""
    digest = hmac.digest(secret.encode(), token.encode(), hashlib.sha256)
    unquoted = f"{token}.{base64.b64encode(digest).decode()}"
    signed = quote(unquoted, safe="")
    pair = f"{name}={signed}"
    parts = {"signed": signed, "unquoted": unquoted, "signature": signed.rpartition(".")[2]}
    return {"cookie": pair, "cookies": pair, "remember": "", **parts}
