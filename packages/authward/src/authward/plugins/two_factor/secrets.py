"""Secrets and codes: how they are made, written for apps, kept, and compared."""

import base64
import json
import secrets
import string
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from authward.context import AuthContext
from authward.extras import needs
from authward.plugins.kept_secrets import decrypt, kept, revealed, same
from authward.plugins.two_factor.options import BackupCodeOptions, TOTPOptions
from authward.security.cookies import encode_uri_component

with needs("two-factor"):
    import pyotp

SECRET_LENGTH = 32
_CODE = string.ascii_letters + string.digits
_TEXT = _CODE + "-_"
_ADOPTED = "base32:"
"""Before secrets that were made elsewhere and taken over as they were."""


def random_text(length: int, alphabet: str = _TEXT) -> str:
    """Return random characters, by default those of the original's identifiers."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


def random_digits(length: int) -> str:
    """Return a code to be sent."""
    return random_text(length, string.digits)


def totp_secret(auth: AuthContext, stored: str) -> str | None:
    """Return the Base32 form of a secret out of the database; None if it cannot be read."""
    secret = decrypt(auth, stored)
    if secret is None:
        return None
    return _adopted(secret) if secret.startswith(_ADOPTED) else base32(secret)


def _adopted(secret: str) -> str | None:
    text = secret.removeprefix(_ADOPTED).upper().rstrip("=")
    try:
        base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        return None
    return text


def base32(secret: str) -> str:
    """Return how a secret is written for apps."""
    return base64.b32encode(secret.encode()).decode().rstrip("=")


class _AnySecret(pyotp.TOTP):
    """Secrets that were made elsewhere are often of 80 bits."""

    min_secret_length_bits = 0


def totp(secret: str, options: TOTPOptions) -> pyotp.TOTP:
    """Return the generator of a Base32 secret's codes."""
    return _AnySecret(secret, digits=options.digits, interval=options.period)


def is_totp(secret: str, code: str, options: TOTPOptions, moment: float) -> bool:
    """Whether it is the current code, or the one before or after it.

    All three are computed and compared, whichever it is.
    """
    codes = totp(secret, options)
    found = [same(codes.at(int(moment), counter_offset=step), code) for step in (-1, 0, 1)]
    return any(found)


def totp_uri(secret: str, options: TOTPOptions, issuer: str, account: str) -> str:
    """Return what an authenticator app reads off a QR code."""
    label = f"{encode_uri_component(issuer)}:{encode_uri_component(account)}"
    more = {"secret": secret, "issuer": issuer, "digits": options.digits, "period": options.period}
    query = urlencode(more, safe="*").replace("~", "%7E")
    return f"otpauth://totp/{label}?{query}"


def new_backup_codes(options: BackupCodeOptions) -> list[str]:
    """Return new codes for those who have lost the other factor."""
    if options.custom_backup_codes_generate is not None:
        return [*options.custom_backup_codes_generate()]
    codes = (random_text(options.length, _CODE) for _ in range(options.amount))
    return [f"{code[:5]}-{code[5:]}" for code in codes]


async def stored_backup_codes(
    auth: AuthContext, options: BackupCodeOptions, codes: Sequence[str]
) -> str:
    """Return codes as they are kept."""
    text = json.dumps([*codes], ensure_ascii=False, separators=(",", ":"))
    return await kept(auth, options.store_backup_codes, text)


async def read_backup_codes(
    auth: AuthContext, options: BackupCodeOptions, stored: str
) -> list[str] | None:
    """Return the codes that are left; None if they cannot be read."""
    text = await revealed(auth, options.store_backup_codes, stored)
    try:
        codes: Any = json.loads(text or "")
    except ValueError:
        return None
    return [each for each in codes if isinstance(each, str)] if isinstance(codes, list) else None
