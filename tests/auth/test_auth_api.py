"""`auth.api`: the endpoints called from Python, without HTTP."""

import httpx
import pytest
from fastapi import FastAPI

from authward import BetterAuth
from authward.api import API
from authward.errors import APIError
from taskward.settings import Settings
from tests.conftest import PASSWORD, new_email
from tests.support.mailing import mailing_site

FOREIGN = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}


@pytest.fixture
def auth(app: FastAPI) -> BetterAuth:
    found: BetterAuth = app.state.better_auth
    return found


@pytest.fixture
def api(auth: BetterAuth) -> API:
    return auth.api


@pytest.fixture
async def cookie(auth: BetterAuth) -> dict[str, str]:
    """The header of somebody who signed up a moment ago."""
    answer = await auth.api.sign_up_email(
        name="Ada", email=new_email(), password=PASSWORD, as_response=True
    )
    assert answer.status_code == 200
    return {"cookie": answer.headers["set-cookie"].partition(";")[0]}


async def test_somebody_signs_up_in_and_out_without_http(api: API) -> None:
    email = new_email()
    new = await api.sign_up_email(name="Ada", email=email, password=PASSWORD)
    assert new["user"]["email"] == email
    again = await api.sign_in_email(email=email, password=PASSWORD, callback_url="/there")
    assert (again["user"], again["url"], again["redirect"]) == (new["user"], "/there", True)
    headers = {"Authorization": f"Bearer {again['token']}"}
    found = await api.get_session(headers=headers)
    assert (found["user"], found["session"]["token"]) == (new["user"], again["token"])
    assert await api.sign_out(headers=headers) == {"success": True}
    assert await api.get_session(headers=headers) is None


async def test_what_an_endpoint_refuses_is_raised(api: API) -> None:
    with pytest.raises(APIError) as raised:
        await api.sign_in_email(email=new_email(), password="wrong password")
    assert (raised.value.status, raised.value.code) == (401, "INVALID_EMAIL_OR_PASSWORD")
    with pytest.raises(APIError) as raised:
        await api.list_sessions()
    assert raised.value.status == 401
    with pytest.raises(APIError, match="VALIDATION_ERROR"):
        await api.sign_up_email(name="Ada", email="nothing", password=PASSWORD)


async def test_every_endpoint_is_a_method_with_names_in_snake_case(
    api: API, cookie: dict[str, str]
) -> None:
    done = await api.change_password(
        headers=cookie,
        current_password=PASSWORD,
        new_password=f"{PASSWORD} too",
        revoke_other_sessions=False,
    )
    assert done["user"]["name"] == "Ada"
    assert await api.update_user(headers=cookie, name="Bea") == {"status": True}
    assert (await api.get_session(headers=cookie))["user"]["name"] == "Bea"
    assert len((await api.token(headers=cookie))["token"].split(".")) == 3
    assert {"ok", "jwks", "sign_in_social", "reset_password"} <= set(dir(api))


async def test_a_whole_answer_has_its_cookies(api: API, client: httpx.AsyncClient) -> None:
    email = new_email()
    await api.sign_up_email(name="Ada", email=email, password=PASSWORD)
    answer = await api.sign_in_email(email=email, password=PASSWORD, as_response=True)
    cookie = answer.headers["set-cookie"].partition(";")[0]
    session = await client.get("/api/auth/get-session", headers={"cookie": cookie})
    assert session.json()["user"]["email"] == email
    refused = await api.sign_in_email(email=email, password="wrong password", as_response=True)
    assert refused.status_code == 401


async def test_a_call_is_no_request_of_another_site(api: API, cookie: dict[str, str]) -> None:
    assert await api.update_user(headers={**cookie, **FOREIGN}, name="Bea") == {"status": True}


async def test_what_an_endpoint_does_not_take_is_an_error_of_the_caller(api: API) -> None:
    with pytest.raises(TypeError, match="get_session takes no nothing"):
        await api.get_session(headers={}, nothing=1)
    with pytest.raises(AttributeError, match="sign_upp"):
        api.sign_upp  # noqa: B018


async def test_mails_are_sent_before_the_call_returns(app: FastAPI, settings: Settings) -> None:
    async with mailing_site(app, settings) as site:
        email = await site.sign_up()
        auth: BetterAuth = site.app.state.better_auth
        before = len(site.links)
        await auth.api.request_password_reset(email=email, redirect_to="/new-password")
        assert len(site.links) == before + 1
        assert site.links[-1].user.email == email
        assert "callbackURL=%2Fnew-password" in site.links[-1].url
