"""Passwords that cost next to nothing, for tests of what goes on around them.

scrypt takes a twentieth of a second for each, as it must. How the server hashes by default is
tried where that is the matter, and in all that uses the application itself.
"""

import hashlib
import secrets
import unicodedata

from authward.password_options import PasswordOptions, is_scrypt


def _hash(password: str) -> str:
    return _salted(password, secrets.token_hex(8))


def _salted(password: str, salt: str) -> str:
    return f"quick:{salt}:{hashlib.sha256((salt + password).encode()).hexdigest()}"


def _verify(stored: str, password: str) -> bool:
    if is_scrypt(stored):
        return _is_of_the_original(stored, password)
    return stored == _salted(password, stored.split(":")[1])


def _is_of_the_original(stored: str, password: str) -> bool:
    salt, _, key = stored.partition(":")
    text, memory = unicodedata.normalize("NFKC", password).encode(), 2**26
    derived = hashlib.scrypt(text, salt=salt.encode(), n=2**14, r=16, p=1, dklen=64, maxmem=memory)
    return derived.hex() == key


QUICK = PasswordOptions(hash=_hash, verify=_verify)
"""Reads what scrypt made as well: some users are rows with such a hash."""
