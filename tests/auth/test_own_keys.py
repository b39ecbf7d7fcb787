"""The keys of our own table: which one signs, for how long it is shown, and what it verifies."""

import asyncio
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, Final

import asyncpg
import jwt
import pytest
import structlog
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authward.plugins import JwksOptions
from authward.security.key_set import KeySet, SigningKey
from tests.conftest import CreateDatabase
from tests.support.oauth_site import OAuthSite, oauth_site
from tests.support.servers import SECRET

ISSUER: Final = "https://issuer.example"
GRACE: Final = 600
OPTIONS: Final = JwksOptions(rotation_interval=3600, grace_period=GRACE)


@pytest.fixture(scope="module")
async def site(create_database: CreateDatabase) -> AsyncIterator[OAuthSite]:
    async with oauth_site(await create_database()) as made:
        yield made


@pytest.fixture
async def pool(site: OAuthSite) -> asyncpg.Pool:
    """With no key in it."""
    await site.pool.execute("DELETE FROM jwks")
    return site.pool


def key_set(pool: asyncpg.Pool, options: JwksOptions | None = OPTIONS, *secrets: str) -> KeySet:
    """One that has read nothing yet, as another worker's."""
    return KeySet(pool, secrets or (SECRET,), options)


async def signed(keys: KeySet, key: SigningKey | None = None, **claims: Any) -> str:
    given = {"iss": ISSUER, "sub": "user_1", "exp": int(time.time()) + 600, **claims}
    known = {name: value for name, value in given.items() if value is not None}
    return await keys.sign(known, kind=None, key=key or await keys.signing_key())


async def subject(keys: KeySet, token: str, **more: Any) -> str:
    _, claims = await keys.verify(token, issuer=ISSUER, **more)
    found: str = claims["sub"]
    return found


async def is_refused(keys: KeySet, token: str) -> bool:
    try:
        await keys.verify(token, issuer=ISSUER)
    except jwt.InvalidTokenError:
        return True
    return False


async def names(keys: KeySet) -> list[str]:
    return [key["kid"] for key in await keys.published()]


async def ended(pool: asyncpg.Pool, kid: str, seconds: float) -> None:
    """Its time to sign has been over for so long."""
    statement = """UPDATE jwks SET "expiresAt" = now() - make_interval(secs => $2) WHERE id = $1"""
    await pool.execute(statement, kid, seconds)


# Rotation


async def test_a_key_signs_for_its_interval_and_verifies_until_its_grace_is_over(
    pool: asyncpg.Pool,
) -> None:
    keys = key_set(pool)
    first = await keys.signing_key()
    assert (await keys.signing_key()).kid == first.kid
    token = await signed(keys, first)
    await ended(pool, first.kid, GRACE - 60)
    second = await keys.signing_key()
    assert second.kid != first.kid
    assert await names(keys) == [first.kid, second.kid]
    assert await subject(key_set(pool), token) == "user_1"
    await ended(pool, first.kid, GRACE + 1)
    assert await names(keys) == [second.kid]
    assert await is_refused(key_set(pool), token)
    assert await subject(key_set(pool), await signed(keys)) == "user_1"


async def test_without_an_interval_a_key_signs_for_ever(pool: asyncpg.Pool) -> None:
    keys = key_set(pool, None)
    await keys.signing_key()
    assert await pool.fetchval('SELECT "expiresAt" FROM jwks') is None
    assert await pool.fetchval("SELECT alg FROM jwks") == "EdDSA"


async def test_an_interval_and_the_grace_are_counted_in_seconds(pool: asyncpg.Pool) -> None:
    await key_set(pool).signing_key()
    life = await pool.fetchval('SELECT "expiresAt" - "createdAt" FROM jwks')
    assert life.total_seconds() == 3600


async def test_of_several_who_need_a_key_at_once_one_makes_it(pool: asyncpg.Pool) -> None:
    made = await asyncio.gather(*(key_set(pool).signing_key() for _ in range(5)))
    assert len({key.kid for key in made}) == 1
    assert await pool.fetchval("SELECT count(*) FROM jwks") == 1


async def test_whoever_asks_for_the_keys_first_is_shown_one(pool: asyncpg.Pool) -> None:
    keys = key_set(pool)
    (kid,) = await names(keys)
    assert await names(keys) == [kid]
    assert (await keys.signing_key()).kid == kid


async def test_the_newest_key_of_the_algorithm_in_force_signs(pool: asyncpg.Pool) -> None:
    edwards, curve = key_set(pool), key_set(pool, JwksOptions(algorithm="ES256"))
    old = await edwards.signing_key()
    assert (await curve.signing_key()).kid == old.kid, "better another than none"
    await ended(pool, old.kid, 1)
    other = await curve.signing_key()
    await pool.execute('UPDATE jwks SET "expiresAt" = NULL WHERE id = $1', old.kid)
    assert (old.algorithm, other.algorithm) == ("EdDSA", "ES256")
    assert (await curve.signing_key()).kid == other.kid
    assert (await edwards.signing_key()).kid == old.kid
    newest = "UPDATE jwks SET \"createdAt\" = now() + interval '1 hour' WHERE id = $1"
    await pool.execute(newest, old.kid)
    assert (await curve.signing_key()).kid == other.kid


async def test_a_key_that_names_no_algorithm_is_for_the_one_in_force(pool: asyncpg.Pool) -> None:
    keys = key_set(pool)
    kid = (await keys.signing_key()).kid
    await pool.execute("UPDATE jwks SET alg = NULL, crv = NULL")
    token = await signed(keys)
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "kid": kid}
    assert await subject(key_set(pool), token) == "user_1"
    (shown,) = await keys.published()
    assert shown["alg"] == "EdDSA"


async def test_private_keys_stay_private_and_open_with_an_older_secret(pool: asyncpg.Pool) -> None:
    keys = key_set(pool)
    kid = (await keys.signing_key()).kid
    stored, shown = await pool.fetchval('SELECT "privateKey" FROM jwks'), await keys.published()
    assert '"d"' not in stored
    assert "d" not in shown[0]
    assert isinstance(json.loads(stored), str)
    assert (await key_set(pool, OPTIONS, "another" * 5, SECRET).signing_key()).kid == kid


async def test_a_private_key_in_clear_is_used_whoever_wrote_it(pool: asyncpg.Pool) -> None:
    keys = key_set(pool, JwksOptions(disable_private_key_encryption=True))
    kid = (await keys.signing_key()).kid
    stored = json.loads(await pool.fetchval('SELECT "privateKey" FROM jwks'))
    assert stored["d"]
    encrypting = key_set(pool)
    assert await subject(encrypting, await signed(encrypting)) == "user_1"
    assert (await encrypting.signing_key()).kid == kid


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "7",
        "null",
        '"00"',
        "[]",
        "{}",
        '{"kty":"oct","k":"AA","d":"AA"}',
        '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}',
        '{"kty":"OKP","crv":"Ed25519","x":"AA","d":"AA"}',
    ],
)
async def test_a_key_that_cannot_be_opened_signs_nothing_and_is_told_once(
    pool: asyncpg.Pool, stored: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("authward.security.key_set.log", structlog.get_logger())
    broken = (await key_set(pool).signing_key()).kid
    await pool.execute('UPDATE jwks SET "privateKey" = $1', stored)
    keys = key_set(pool)
    with structlog.testing.capture_logs() as logs:
        made = [await keys.signing_key() for _ in range(3)]
        await ended(pool, made[0].kid, 1)
        made.append(await keys.signing_key())
    assert broken not in {key.kid for key in made}
    assert len({key.kid for key in made}) == 2
    assert [line["kid"] for line in logs] == [broken]


# What a key verifies


def assembled(head: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would make."""
    claims = {"iss": ISSUER, "sub": "user_1", "exp": int(time.time()) + 600}
    parts = [jwt.utils.base64url_encode(json.dumps(part).encode()) for part in (head, claims)]
    parts.append(jwt.utils.base64url_encode(sign(b".".join(parts))))
    return b".".join(parts).decode()


def hmac_sha256(secret: bytes, content: bytes) -> bytes:
    return hmac.digest(secret, content, "sha256")


async def test_a_key_verifies_its_own_tokens_and_those_of_no_other(pool: asyncpg.Pool) -> None:
    keys = key_set(pool)
    first = await keys.signing_key()
    await ended(pool, first.kid, 1)
    second = await keys.signing_key()
    assert await is_refused(keys, await signed(keys, second._replace(kid=first.kid)))
    assert await is_refused(keys, await signed(keys, first._replace(kid=second.kid)))
    assert await subject(keys, await signed(keys, first)) == "user_1"


@pytest.mark.parametrize("kid", [None, "", "x", 7, ["x"], {}], ids=repr)
async def test_a_token_names_its_key_or_is_nobodys(pool: asyncpg.Pool, kid: Any) -> None:
    keys = key_set(pool)
    key = await keys.signing_key()
    head = {"alg": key.algorithm, "kid": kid}
    assert await subject(keys, assembled({**head, "kid": key.kid}, key.key.sign)) == "user_1"
    assert await is_refused(keys, assembled(head, key.key.sign))


async def test_a_key_is_for_one_algorithm_and_its_public_half_is_no_secret(
    pool: asyncpg.Pool,
) -> None:
    keys = key_set(pool, JwksOptions(algorithm="RS256"))
    key = await keys.signing_key()
    assert await subject(keys, await signed(keys, key)) == "user_1"
    for algorithm in ("PS256", "RS384", "RS512"):
        assert await is_refused(keys, await signed(keys, key._replace(algorithm=algorithm)))
    public, der = key.key.public_key(), PublicFormat.SubjectPublicKeyInfo
    stored = await pool.fetchval('SELECT "publicKey" FROM jwks')
    for secret in (public.public_bytes(Encoding.PEM, der), stored.encode(), b""):
        forged = assembled({"alg": "HS256", "kid": key.kid}, partial(hmac_sha256, secret))
        assert await is_refused(keys, forged)
    assert await is_refused(keys, assembled({"alg": "none", "kid": key.kid}, lambda _: b""))


async def test_a_token_has_an_end_and_an_issuer(pool: asyncpg.Pool) -> None:
    keys = key_set(pool)
    for wrong in ({"exp": None}, {"iss": None}, {"iss": "https://evil.example"}, {"exp": "soon"}):
        assert await is_refused(keys, await signed(keys, **wrong)), wrong
    over = await signed(keys, exp=int(time.time()) - 1)
    with pytest.raises(jwt.ExpiredSignatureError):
        await keys.verify(over, issuer=ISSUER)
    assert await subject(keys, over, is_over=True) == "user_1"
    later = await signed(keys, nbf=int(time.time()) + 600)
    assert await is_refused(keys, later)
    assert await subject(keys, await signed(keys, aud="https://any.example")) == "user_1"


async def test_a_key_that_another_server_has_made_counts_a_second_later(
    pool: asyncpg.Pool,
) -> None:
    keys, other = key_set(pool), key_set(pool)
    assert await subject(keys, await signed(keys)) == "user_1"
    (old,) = await names(keys)
    await ended(pool, old, 1)
    token = await signed(other)
    assert await is_refused(keys, token), "unknown names do not make it ask all the time"
    keys._read_at -= 2
    assert await subject(keys, token) == "user_1"


async def test_known_names_make_it_ask_once_in_a_minute(pool: asyncpg.Pool) -> None:
    keys = key_set(pool)
    token, others = await signed(keys), [await signed(keys, n=n) for n in range(3)]
    assert await subject(keys, token) == "user_1"
    await pool.execute("DELETE FROM jwks")
    keys._read_at -= 50
    assert await subject(keys, others[0]) == "user_1"
    keys._read_at -= 11
    assert await is_refused(keys, others[1])
    assert await is_refused(keys, others[0])


async def test_a_key_that_cannot_be_read_verifies_nothing_and_troubles_no_other(
    pool: asyncpg.Pool,
) -> None:
    keys = key_set(pool)
    old = await signed(keys)
    (kid,) = await names(keys)
    await pool.execute("""UPDATE jwks SET "publicKey" = '{"kty":"OKP","crv":"Ed25519","x":"!"}'""")
    await ended(pool, kid, 1)
    assert await subject(keys, await signed(keys)) == "user_1"
    assert await is_refused(keys, old)
