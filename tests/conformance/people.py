"""People who signed up a moment ago: the rows that either server would have written.

Most conversations are about somebody who is signed in, and not about how they came to be. Hashing
a password for each of them on both servers took half of the time of all conversations.
"""

import base64
import hashlib
import hmac
import secrets
from urllib.parse import quote

import asyncpg

from tests.people import HASH_OF_PASSWORD, NEW_PERSON

from .model import Arrival, email


async def arrive(
    database_url: str, arrival: Arrival, here: str, cookie: str, secret: str
) -> dict[str, str]:
    """Write the rows of somebody; what a client would know of them after they signed up."""
    user_id, token = secrets.token_hex(16), secrets.token_hex(16)
    name, address = arrival.who.title(), email(arrival.who).replace("<<here>>", here)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(NEW_PERSON, user_id, name, address, HASH_OF_PASSWORD, token)
    finally:
        await connection.close()
    known = {"id": user_id, "email": address, "name": name, "token": token}
    return known | cookies(token, cookie, secret)


def cookies(token: str, name: str, secret: str) -> dict[str, str]:
    """The session cookie in the forms that conversations use."""
    digest = hmac.digest(secret.encode(), token.encode(), hashlib.sha256)
    unquoted = f"{token}.{base64.b64encode(digest).decode()}"
    signed = quote(unquoted, safe="")
    pair = f"{name}={signed}"
    parts = {"signed": signed, "unquoted": unquoted, "signature": signed.rpartition(".")[2]}
    return {"cookie": pair, "cookies": pair, "remember": "", **parts}
