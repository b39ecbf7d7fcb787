"""Tokens that keys of our own table have signed: verified once, remembered with care."""

import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import jwt
import pytest

from authward import BetterAuth, BetterAuthOptions
from authward.context import AuthContext
from authward.plugins import JwksOptions, JwtOptions
from authward.plugins import jwt as jwt_plugin
from authward.plugins.oauth_provider import InvalidAccessTokenError, verify_access_token
from authward.security.key_set import KeySet
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, CreateDatabase
from tests.support.servers import SECRET

ISSUER, RESOURCE = "https://issuer.example", f"{BASE_URL}/mcp"


@pytest.fixture
async def auth(create_database: CreateDatabase) -> AsyncIterator[BetterAuth]:
    arguments = DatabaseURL.parse(await create_database()).connect_arguments()
    async with asyncpg.create_pool(**arguments, min_size=1, max_size=2) as pool:
        plugins = (jwt_plugin(JwtOptions(jwks=JwksOptions())),)
        options = BetterAuthOptions(secret=SECRET, base_url=BASE_URL, plugins=plugins)
        auth = BetterAuth(options, pool)
        await auth.migrate()
        yield auth


@pytest.fixture
def keys(auth: BetterAuth) -> KeySet:
    assert auth.context.key_set is not None
    return auth.context.key_set


async def signed(keys: KeySet, lifetime: int = 600, **claims: Any) -> str:
    given = {"iss": ISSUER, "sub": "user_1", "exp": int(time.time()) + lifetime, **claims}
    return await keys.sign(given, kind="at+jwt", key=await keys.signing_key())


async def test_a_token_is_verified_once_and_its_claims_are_nobodys_to_change(
    keys: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await signed(keys)
    header, claims = await keys.verify(token, issuer=ISSUER)
    claims["sub"] = header["typ"] = "changed"
    monkeypatch.delattr("jwt.decode")  # nothing is left that could verify it again
    header, claims = await keys.verify(token, issuer=ISSUER)
    assert (header["typ"], claims["sub"]) == ("at+jwt", "user_1")


async def test_a_remembered_token_ends_when_it_says(
    keys: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await signed(keys)
    await keys.verify(token, issuer=ISSUER)
    end = jwt.decode(token, options={"verify_signature": False})["exp"]
    monkeypatch.setattr("authward.security.key_set.time.time", lambda: end - 1)
    await keys.verify(token, issuer=ISSUER)
    monkeypatch.setattr("authward.security.key_set.time.time", lambda: end)
    with pytest.raises(jwt.ExpiredSignatureError):
        await keys.verify(token, issuer=ISSUER)


async def test_a_remembered_token_goes_with_its_key(keys: KeySet) -> None:
    token = await signed(keys)
    await keys.verify(token, issuer=ISSUER)
    await keys._database.fetch("DELETE FROM jwks")
    await keys.verify(token, issuer=ISSUER)  # the table is read once in a minute
    keys._read_at -= 61
    with pytest.raises(jwt.InvalidTokenError):
        await keys.verify(token, issuer=ISSUER)


async def test_a_remembered_token_is_good_for_its_own_issuer_only(keys: KeySet) -> None:
    token = await signed(keys)
    await keys.verify(token, issuer=ISSUER)
    with pytest.raises(jwt.InvalidIssuerError):
        await keys.verify(token, issuer="https://other.example")


async def test_a_token_that_was_taken_although_it_is_over_is_not_remembered(keys: KeySet) -> None:
    token = await signed(keys, lifetime=-1)
    await keys.verify(token, issuer=ISSUER, is_over=True)
    with pytest.raises(jwt.ExpiredSignatureError):
        await keys.verify(token, issuer=ISSUER)


async def test_a_remembered_token_is_still_taken_when_it_may_be_over(
    keys: KeySet, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await signed(keys)
    await keys.verify(token, issuer=ISSUER)
    monkeypatch.setattr("authward.security.key_set.time.time", lambda: 2.0**40)
    _, claims = await keys.verify(token, issuer=ISSUER, is_over=True)
    assert claims["sub"] == "user_1"


async def test_one_bit_less_is_another_token(keys: KeySet) -> None:
    token = await signed(keys)
    await keys.verify(token, issuer=ISSUER)
    with pytest.raises(jwt.InvalidTokenError):
        await keys.verify(token[:-3] + "AAA", issuer=ISSUER)


@pytest.mark.slow
async def test_ten_thousand_are_remembered_and_the_oldest_goes_first(keys: KeySet) -> None:
    key, end = await keys.signing_key(), int(time.time()) + 600
    for number in range(10_005):
        claims = {"iss": ISSUER, "exp": end, "n": number}
        await keys.verify(await keys.sign(claims, kind=None, key=key), issuer=ISSUER)
    kept = [known.claims["n"] for known in keys._verified.values()]
    assert kept == [*range(5, 10_005)]


# What an access token must say


async def refused(context: AuthContext, token: str) -> bool:
    try:
        await verify_access_token(context, token, RESOURCE)
    except InvalidAccessTokenError:
        return True
    return False


async def test_an_access_token_says_whose_it_is_which_clients_and_what_for(
    auth: BetterAuth, keys: KeySet
) -> None:
    given: dict[str, Any] = {
        "iss": auth.options.url,
        "aud": RESOURCE,
        "client_id": "client_1",
    }
    claims = await verify_access_token(auth.context, await signed(keys, **given), RESOURCE)
    assert (claims.user_id, claims.client_id, claims.scopes) == ("user_1", "client_1", frozenset())
    key, end = await keys.signing_key(), int(time.time()) + 600
    nobodys = await keys.sign({**given, "exp": end}, kind="at+jwt", key=key)
    assert await refused(auth.context, nobodys)
    for missing in ("client_id", "aud"):
        less = {name: value for name, value in given.items() if name != missing}
        assert await refused(auth.context, await signed(keys, **less)), missing
    assert await refused(auth.context, await signed(keys, **given, more="x" * 10_000))


async def test_a_server_without_keys_of_its_own_knows_no_access_token(
    auth: BetterAuth, keys: KeySet
) -> None:
    token = await signed(keys, iss=auth.options.url, aud=RESOURCE, client_id="client_1")
    plain = BetterAuth(BetterAuthOptions(secret=SECRET, base_url=BASE_URL), auth.context.pool)
    assert not await refused(auth.context, token)
    assert await refused(plain.context, token)
