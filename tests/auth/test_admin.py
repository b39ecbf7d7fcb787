"""The plugin `admin` beyond the comparison with the original: races, calls from Python, options."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from authward import APIError, ConfigurationError, DBField, UserOptions
from authward.plugin_base import PluginBase
from authward.plugins import AdminOptions, admin, bearer, create_access_control, jwt
from authward.plugins.schema_options import TableOptions
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.factories import Browser, signed_in
from tests.support.plugin_site import site_with

COOKIE = "better-auth.admin_session"


def plugins(options: AdminOptions | None = None) -> tuple[PluginBase, ...]:
    return jwt(), bearer(), admin(options)


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    hidden = {"secret": DBField(type="string", required=False, returned=False)}
    options = UserOptions(additional_fields=hidden)
    async with site_with(await create_database(), plugins(), user=options) as app:
        yield app


async def set_role(app: FastAPI, who: Browser, role: str) -> None:
    change = 'UPDATE "user" SET role = $2 WHERE id = $1'
    await app.state.database.fetch(change, who.user["id"], role)


@pytest.fixture
async def ada(app: FastAPI) -> AsyncIterator[Browser]:
    """An admin."""
    async with signed_in(app) as browser:
        await set_role(app, browser, "admin")
        yield browser


async def signs_in(app: FastAPI, who: Browser) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        content = {"email": who.email, "password": PASSWORD}
        return await client.post("/api/auth/sign-in/email", json=content)


async def test_whoever_signs_in_while_they_are_banned_has_no_session_afterwards(
    app: FastAPI, ada: Browser, eve: Browser
) -> None:
    ban = ada.post("admin/ban-user", userId=eve.user["id"])
    await asyncio.gather(*(signs_in(app, eve) for _ in range(4)), ban)
    rows = 'SELECT count(*) FROM session WHERE "userId" = $1'
    assert (await app.state.database.fetchrow(rows, eve.user["id"]))[0] == 0
    assert (await signs_in(app, eve)).json()["code"] == "BANNED_USER"


async def test_an_impersonation_ends_once_however_often_it_is_stopped(
    app: FastAPI, ada: Browser, eve: Browser
) -> None:
    assert (await ada.post("admin/impersonate-user", userId=eve.user["id"])).status_code == 200
    answers = await asyncio.gather(*(ada.post("admin/stop-impersonating") for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 400, 401}
    ended = next(answer for answer in answers if answer.status_code == 200)
    ada.client.cookies.update(ended.cookies)  # one that came too late may have deleted them since
    found = (await ada.get("get-session")).json()
    assert found["user"]["id"] == ada.user["id"]
    rows = 'SELECT count(*) FROM session WHERE "impersonatedBy" = $1'
    assert (await app.state.database.fetchrow(rows, ada.user["id"]))[0] == 0


async def test_the_cookie_of_an_admin_works_in_no_session_of_another(
    app: FastAPI, ada: Browser, eve: Browser
) -> None:
    async with signed_in(app) as mary:
        await set_role(app, mary, "admin")
        await ada.post("admin/impersonate-user", userId=eve.user["id"])
        await mary.post("admin/impersonate-user", userId=eve.user["id"])
        stolen = ada.client.cookies[COOKIE]
        mary.client.cookies.delete(COOKIE)
        mary.client.cookies.set(COOKIE, stolen, domain="localhost.local")
        answer = await mary.post("admin/stop-impersonating")
        assert (answer.status_code, "set-cookie" in answer.headers) == (400, False)


async def test_a_cookie_of_an_admin_that_nobody_signed_is_none(ada: Browser, eve: Browser) -> None:
    await ada.post("admin/impersonate-user", userId=eve.user["id"])
    ada.client.cookies.delete(COOKIE)
    ada.client.cookies.set(COOKIE, "token:.c2lnbmF0dXJl", domain="localhost.local")
    assert (await ada.post("admin/stop-impersonating")).status_code == 400


async def test_a_user_who_lost_the_role_may_do_nothing_from_that_moment(
    app: FastAPI, ada: Browser
) -> None:
    assert (await ada.get("admin/list-users")).status_code == 200
    await set_role(app, ada, "user")
    assert (await ada.get("admin/list-users")).status_code == 403


async def test_mailed_links_end_with_the_address_they_were_mailed_to(
    app: FastAPI, ada: Browser, eve: Browser
) -> None:
    insert = (
        'INSERT INTO verification (id, identifier, value, "expiresAt") '
        "VALUES ($1, 'reset-password:' || $1, $1, now() + interval '1 hour')"
    )
    count = "SELECT count(*) FROM verification WHERE value = $1"
    eve_id = eve.user["id"]
    await app.state.database.fetch(insert, eve_id)
    changed = {"email": new_email()}
    assert (await ada.post("admin/update-user", userId=eve_id, data=changed)).status_code == 200
    assert (await app.state.database.fetchrow(count, eve_id))[0] == 0


async def test_a_hidden_field_cannot_be_guessed_by_asking_for_users_who_have_it(
    app: FastAPI, ada: Browser, eve: Browser
) -> None:
    await app.state.database.fetch(
        "UPDATE \"user\" SET secret = 'swordfish' WHERE id = $1", eve.user["id"]
    )
    for query in ("filterField=secret&filterValue=swordfish", "sortBy=secret"):
        assert (await ada.get(f"admin/list-users?{query}")).json() == {"users": [], "total": 0}


@pytest.mark.parametrize("wild", ["%25", "_"])
async def test_wildcards_in_a_search_stand_for_themselves(ada: Browser, wild: str) -> None:
    assert (await ada.get(f"admin/list-users?searchValue={wild}")).json()["total"] == 0


async def test_a_page_that_would_hold_everybody_up_is_refused(ada: Browser) -> None:
    answer = await ada.get("admin/list-users?limit=1001")
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert (await ada.get("admin/list-users?limit=1000")).status_code == 200


async def test_two_users_at_once_do_not_get_one_address(app: FastAPI, ada: Browser) -> None:
    content = {"email": new_email(), "name": "Twin"}
    answers = await asyncio.gather(*(ada.post("admin/create-user", **content) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_the_application_itself_needs_no_session(app: FastAPI, eve: Browser) -> None:
    api = app.state.better_auth.api
    email = new_email()
    made = await api.admin_create_user(email=email, name="Made", role="admin")
    assert (made["user"]["email"], made["user"]["role"]) == (email, "admin")
    allowed = {"permissions": {"user": ["ban"]}}
    assert (await api.admin_has_permission(role="admin", **allowed))["success"]
    assert not (await api.admin_has_permission(user_id=eve.user["id"], **allowed))["success"]
    with pytest.raises(APIError, match="user id or role is required"):
        await api.admin_has_permission(**allowed)
    with pytest.raises(APIError, match="user not found"):
        await api.admin_has_permission(user_id="nobody", **allowed)


async def test_somebodys_headers_make_a_call_from_python_theirs(app: FastAPI, eve: Browser) -> None:
    api, cookies = app.state.better_auth.api, eve.client.cookies
    headers = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    with pytest.raises(APIError) as refused:
        await api.admin_create_user(headers=headers, email=new_email(), name="Made")
    assert refused.value.status == 403


async def test_an_id_that_no_token_could_name_is_refused(ada: Browser) -> None:
    for given in ("", "a b", "x" * 256, 7, ["x"]):
        content = {"email": new_email(), "name": "X", "data": {"id": given}}
        assert (await ada.post("admin/create-user", **content)).status_code == 400


async def test_bans_hold_under_other_names_of_columns(create_database: CreateDatabase) -> None:
    names = {"banned": "it's banned", "banReason": "why", "banExpires": "until"}
    options = AdminOptions(schema={"user": TableOptions(fields=names)}, admin_roles=["user"])
    async with (
        site_with(await create_database(), plugins(options)) as app,
        signed_in(app) as ada,
        signed_in(app) as eve,
    ):
        await set_role(app, ada, "admin")
        await ada.post("admin/ban-user", userId=eve.user["id"], banExpiresIn=60)
        assert (await signs_in(app, eve)).status_code == 403
        await app.state.database.fetch("UPDATE \"user\" SET until = now() - interval '1 s'")
        assert (await signs_in(app, eve)).status_code == 200
        again = (await ada.get(f"admin/get-user?id={eve.user['id']}")).json()
        assert (again["banned"], again["banReason"], again["banExpires"]) == (False, None, None)


AC = create_access_control({"user": ["list"]})
WRONG: dict[str, dict[str, Any]] = {
    "admin_roles": {"admin_roles": ["boss"]},
    "the role 'x'": {"roles": {"x": {"user": ["list"]}}},
    "ac is": {"ac": "x"},
    "admin_user_ids": {"admin_user_ids": "one"},
    "default_ban_expires_in": {"default_ban_expires_in": 0},
    "impersonation_session_duration": {"impersonation_session_duration": None},
    "no table": {"schema": {"users": TableOptions()}},
    "no field": {"schema": {"user": TableOptions(fields={"rank": "x"})}},
    "TableOptions": {"schema": {"user": {"role": "x"}}},
}


@pytest.mark.parametrize("named", WRONG)
def test_options_that_cannot_work_are_refused_by_name(named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        admin(AdminOptions(**WRONG[named]))


@pytest.mark.parametrize("given", [["Boss"], "boss", "BOSS,other"])
def test_roles_of_admins_are_named_in_any_case(given: Any) -> None:
    roles = {"boss": AC.new_role({}), "other": AC.new_role({})}
    assert admin(AdminOptions(roles=roles, admin_roles=given)).id == "admin"
