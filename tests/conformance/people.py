"""People who signed up a moment ago: the rows that either server would have written.

Most conversations are about somebody who is signed in, and not about how they came to be. Hashing
a password for each of them on both servers took half of the time of all conversations.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from functools import cache
from urllib.parse import quote

import asyncpg

from .model import PASSWORD, Arrival, email

_ROWS = """
WITH person AS (
  INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
  SELECT $1, $2, $3, false, moment, moment
  FROM (SELECT date_trunc('milliseconds', now()) AS moment) AS clock
  RETURNING id, "createdAt" AS moment
), credential AS (
  INSERT INTO account (id, "accountId", "providerId", "userId", password, "createdAt", "updatedAt")
  SELECT $4, id, 'credential', id, $5, moment, moment FROM person
)
INSERT INTO session (id, "expiresAt", token, "createdAt", "updatedAt", "ipAddress", "userAgent",
                     "userId")
SELECT $6, moment + interval '7 days', $7, moment, moment, '', '', id FROM person
"""


async def arrive(
    database_url: str, arrival: Arrival, here: str, cookie: str, secret: str
) -> dict[str, str]:
    """Write the rows of somebody; what a client would know of them after they signed up."""
    ids = [secrets.token_hex(16) for _ in range(4)]
    address = email(arrival.who).replace("<<here>>", here)
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(
            _ROWS, ids[0], arrival.who.title(), address, ids[1], password_hash(), *ids[2:]
        )
    finally:
        await connection.close()
    known = {"id": ids[0], "email": address, "name": arrival.who.title(), "token": ids[3]}
    return known | cookies(ids[3], cookie, secret)


def cookies(token: str, name: str, secret: str) -> dict[str, str]:
    """The session cookie in the forms that conversations use."""
    digest = hmac.digest(secret.encode(), token.encode(), hashlib.sha256)
    unquoted = f"{token}.{base64.b64encode(digest).decode()}"
    signed = quote(unquoted, safe="")
    pair = f"{name}={signed}"
    parts = {"signed": signed, "unquoted": unquoted, "signature": signed.rpartition(".")[2]}
    return {"cookie": pair, "cookies": pair, "remember": "", **parts}


@cache
def password_hash() -> str:
    """Better Auth's form: N=16384, r=16, p=1, 64 bytes, over the NFKC form and the salt's hex."""
    salt = secrets.token_hex(16)
    key = hashlib.scrypt(
        unicodedata.normalize("NFKC", PASSWORD).encode(),
        salt=salt.encode(),
        n=16384,
        r=16,
        p=1,
        maxmem=2**26,
        dklen=64,
    )
    return f"{salt}:{key.hex()}"
