"""The server's own key pairs: Better Auth's table `jwks`, what `/jwks` shows and plugins sign with.

Private keys are encrypted in the original's format, so either server can sign with a key that the
other has made. All workers and replicas share the table; the first that needs a key makes it.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple, Protocol

import jwt
import orjson
import structlog
from asyncpg import Record
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from sqlalchemy import bindparam, insert, select

from authward.schema.fields import DBField, DBTable
from authward.schema.plugin_tables import sql_table
from authward.security.encryption import symmetric_decrypt, symmetric_encrypt
from authward.security.jwk import PublicKey, UnusableKeyError, read_key
from authward.storage.statements import Executor, Statement, new_id
from authward.timestamps import now

_LOCK = 0x6A776B73  # "jwks"
_TRUSTED_SECONDS = 60.0
"""How long a key that was withdrawn from the table may still verify."""
_REFETCH_SECONDS = 1.0
_REMEMBERED = 10_000

JWKS = DBTable(
    fields={
        "publicKey": DBField(type="string"),
        "privateKey": DBField(type="string"),
        "createdAt": DBField(type="date"),
        "expiresAt": DBField(type="date", required=False),
        "alg": DBField(type="string", required=False),
        "crv": DBField(type="string", required=False),
    }
)
_TABLE = sql_table("jwks", JWKS)
FIND_KEYS = Statement(select(*_TABLE.c).order_by(_TABLE.c.createdAt, _TABLE.c.id))
INSERT_KEY = Statement(
    insert(_TABLE).values({column: bindparam(f"value_{column.key}") for column in _TABLE.c})
)

log = structlog.get_logger(__name__)


class Pool(Executor, Protocol):
    """A connection pool."""

    def acquire(self) -> AbstractAsyncContextManager[Any]:
        """Acquire a connection, which has `transaction()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JwksOptions:
    """The original's `jwks`; times are in seconds.

    Args:
        algorithm: of new keys (`keyPairConfig.alg` there): EdDSA, ES256, ES512, RS256 or PS256.
        modulus_length: of new RSA keys, in bits.
        rotation_interval: how long a new key signs; None for ever.
        grace_period: how long a key that no longer signs is still shown.
        disable_private_key_encryption: private keys are readable in the table; for a database that
            another service signs from. Encrypted ones that are there stay usable.
        remote_url: where the public keys are shown instead of at `/jwks`, which is then gone.
    """

    algorithm: str = "EdDSA"
    modulus_length: int = 2048
    rotation_interval: int | None = None
    grace_period: int = 2_592_000
    disable_private_key_encryption: bool = False
    remote_url: str | None = None


class _Kind(NamedTuple):
    """How keys for an algorithm are made, and what is in each half of their JWK."""

    algorithm: Any
    generate: Callable[[int], Any]
    public: tuple[str, ...]
    private: tuple[str, ...]


_RSA = _Kind(
    RSAAlgorithm,
    partial(rsa.generate_private_key, 65_537),
    ("kty", "n", "e"),
    ("d", "p", "q", "dp", "dq", "qi"),
)
KINDS: Mapping[str, _Kind] = {
    "EdDSA": _Kind(
        OKPAlgorithm, lambda _: Ed25519PrivateKey.generate(), ("crv", "x", "kty"), ("d",)
    ),
    "ES256": _Kind(
        ECAlgorithm,
        lambda _: ec.generate_private_key(ec.SECP256R1()),
        ("kty", "x", "y", "crv"),
        ("d",),
    ),
    "ES512": _Kind(
        ECAlgorithm,
        lambda _: ec.generate_private_key(ec.SECP521R1()),
        ("kty", "x", "y", "crv"),
        ("d",),
    ),
    "RS256": _RSA,
    "PS256": _RSA,
}
"""The algorithms that the original signs with."""
_BY_TYPE: Mapping[Any, Any] = {"OKP": OKPAlgorithm, "EC": ECAlgorithm, "RSA": RSAAlgorithm}


class SigningKey(NamedTuple):
    """A private key of ours, with its name and algorithm."""

    kid: str
    algorithm: str
    key: Any


class _Verified(NamedTuple):
    header: dict[str, Any]
    claims: dict[str, Any]
    until: int

    def copied(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return dict(self.header), dict(self.claims)


class KeySet:
    """The key pairs of a server.

    Verified tokens are remembered, because a client repeats the same one: at most 10,000, never
    beyond their `exp`, and no longer than until the table is read again.
    """

    def __init__(
        self, database: Pool, secrets: Sequence[str], options: JwksOptions | None = None
    ) -> None:
        """Encrypt private keys with the first secret, decrypt with whichever fits."""
        self._database = database
        self._secrets = tuple(secrets)
        self._options = options or JwksOptions()
        self.remote_url = self._options.remote_url
        self._opened: dict[str, Any] = {}
        self._public: dict[str, list[PublicKey]] = {}
        self._verified: dict[tuple[str, str], _Verified] = {}
        self._read_at = float("-inf")

    async def published(self) -> list[dict[str, Any]]:
        """Return the public keys as `/jwks` shows them; the first is made when there is none."""
        rows = await FIND_KEYS.fetch(self._database)
        if not rows:
            await self._make_key()
            rows = await FIND_KEYS.fetch(self._database)
        grace = timedelta(seconds=self._options.grace_period)
        shown = [row for row in rows if _lives_until(row["expiresAt"], now() - grace)]
        return [_public_jwk(row, self._options.algorithm) for row in shown]

    async def signing_key(self) -> SigningKey:
        """Return the newest key that may sign; one is made where none does."""
        found = self._newest(await FIND_KEYS.fetch(self._database))
        return await self._make_key() if found is None else found

    async def sign(self, claims: Mapping[str, Any], *, kind: str | None, key: SigningKey) -> str:
        """Return a JSON Web Token; `kind` is its header's `typ`."""
        headers = {"typ": kind, "kid": key.kid}
        return jwt.encode(dict(claims), key.key, key.algorithm, headers)

    async def verify(
        self, token: str, *, issuer: str, is_over: bool = False
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the header and the claims of a token that a key of ours has signed.

        `is_over`: its time may be over.

        Raises:
            jwt.ExpiredSignatureError: rightly signed, but over.
            jwt.InvalidTokenError: anything else.
        """
        known = self._verified.get((token, issuer))
        if (
            known is not None
            and not is_over
            and time.monotonic() - self._read_at < _TRUSTED_SECONDS
        ):
            if known.until <= time.time():
                raise jwt.ExpiredSignatureError("Signature has expired")
            return known.copied()
        found = await self._verify(token, issuer, is_over=is_over)
        if not is_over:
            if len(self._verified) >= _REMEMBERED:
                del self._verified[next(iter(self._verified))]
            self._verified[token, issuer] = found
        return found.copied()

    async def _verify(self, token: str, issuer: str, *, is_over: bool) -> _Verified:
        header = jwt.get_unverified_header(token)
        for key in await self._keys_named(header.get("kid", "")):
            if key.algorithm == header.get("alg"):
                options: Any = {
                    "require": ["exp", "iss"],
                    "verify_aud": False,
                    "verify_exp": not is_over,
                }
                claims = jwt.decode(
                    token, key.key, [key.algorithm], options=options, issuer=issuer, leeway=0
                )
                return _Verified(header, claims, int(claims["exp"]))
        raise jwt.InvalidTokenError("no key of ours")

    async def _keys_named(self, kid: str) -> list[PublicKey]:
        """Read the table when a name is new, and now and then, so that withdrawn keys go."""
        age = time.monotonic() - self._read_at
        if age > _TRUSTED_SECONDS or (kid not in self._public and age > _REFETCH_SECONDS):
            self._read_at = time.monotonic()
            rows = await FIND_KEYS.fetch(self._database)
            grace = now() - timedelta(seconds=self._options.grace_period)
            usual = self._options.algorithm
            live = [
                _public_jwk(row, usual) for row in rows if _lives_until(row["expiresAt"], grace)
            ]
            self._public = {jwk["kid"]: _read(jwk) for jwk in live}
            self._verified = {}
        return self._public.get(kid, [])

    def _newest(self, rows: Sequence[Record]) -> SigningKey | None:
        """As the original: the newest for the algorithm in force, else the newest of all."""
        usual = self._options.algorithm
        live = [row for row in reversed(rows) if _lives_until(row["expiresAt"], now())]
        for row in sorted(live, key=lambda row: (row["alg"] or usual) != usual):
            if (key := self._open(row)) is not None:
                return SigningKey(row["id"], row["alg"] or usual, key)
        return None

    def _open(self, row: Record) -> Any:
        """Decrypt a private key; None for one that no secret of ours opens, or of another kind."""
        sealed = row["privateKey"]
        if sealed not in self._opened:
            self._opened = {sealed: _private_key(sealed, self._secrets), **self._opened}
            if self._opened[sealed] is None:
                log.warning("a private key of the table jwks cannot be used", kid=row["id"])
        return self._opened[sealed]

    async def _make_key(self) -> SigningKey:
        """Of several that need one at once, one makes it."""
        async with (
            self._database.acquire() as connection,
            connection.transaction(isolation="read_committed"),
        ):
            await connection.fetch(f"SELECT pg_advisory_xact_lock({_LOCK})")
            found = self._newest(await FIND_KEYS.fetch(connection))
            if found is not None:
                return found
            row_id = await new_id(connection, "jwks")
            row = await asyncio.to_thread(_new_row, row_id, self._secrets[0], self._options)
            await INSERT_KEY.fetch(
                connection, **{f"value_{name}": value for name, value in row.items()}
            )
        return SigningKey(row["id"], row["alg"], _private_key(row["privateKey"], self._secrets))


def _new_row(row_id: str, secret: str, options: JwksOptions) -> dict[str, Any]:
    """Make a key, which takes a while for RSA; both halves as the original writes them."""
    kind = KINDS[options.algorithm]
    private = kind.algorithm.to_jwk(kind.generate(options.modulus_length), as_dict=True)
    public = {name: private[name] for name in kind.public}
    text = orjson.dumps({**public, **{n: private[n] for n in kind.private}}).decode()
    if not options.disable_private_key_encryption:
        text = orjson.dumps(symmetric_encrypt(secret, text)).decode()
    moment, lifetime = now(), options.rotation_interval
    return {
        "id": row_id,
        "publicKey": orjson.dumps(public).decode(),
        "privateKey": text,
        "createdAt": moment,
        "expiresAt": None if lifetime is None else moment + timedelta(seconds=lifetime),
        "alg": options.algorithm,
        "crv": public.get("crv"),
    }


def _private_key(stored: str, secrets: Sequence[str]) -> Any:
    """Read a private key, whether it is encrypted or not; None for one that cannot be read."""
    try:
        given = orjson.loads(stored)
        jwk = given if isinstance(given, dict) else orjson.loads(_opened(secrets, given))
        kind = _BY_TYPE[jwk["kty"]]
        return kind.from_jwk(jwk) if jwk.get("d") else None
    except (ValueError, TypeError, KeyError, AttributeError, jwt.InvalidKeyError):
        return None


def _opened(secrets: Sequence[str], sealed: str) -> str:
    return symmetric_decrypt(secrets, sealed) or ""


def _public_jwk(row: Record, usual: str) -> dict[str, Any]:
    named = {"alg": row["alg"] or usual, "crv": row["crv"]}
    known = {name: value for name, value in named.items() if value is not None}
    return {**known, **orjson.loads(row["publicKey"]), "kid": row["id"]}


def _read(jwk: Mapping[str, Any]) -> list[PublicKey]:
    try:
        return read_key(dict(jwk))
    except UnusableKeyError:
        return []


def _lives_until(expires_at: datetime | None, moment: datetime) -> bool:
    return expires_at is None or expires_at > moment
