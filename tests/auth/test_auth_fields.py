"""Fields that plugins and the application add: values, rows, hooks, documentation, metadata."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from authward import (
    APIError,
    BetterAuth,
    BetterAuthOptions,
    Code,
    CurrentSession,
    DBField,
    DBTable,
    Plugin,
)
from authward.database_hooks import DatabaseHook, RowChange
from authward.options import SessionOptions, UserOptions
from authward.schema.fields import FieldType
from authward.schema.input import parse_input
from authward.schema.values import decode_value, to_database
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.auth_options import UNLIMITED

TYPES: list[FieldType] = [
    *("string", "number", "boolean", "date", "json", "string[]", "number[]"),
    ("cat", "dog"),
]
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
USER_FIELDS = {
    "nickname": DBField(type="string", required=False),
    "plan": DBField(type="string", default_value="free"),
    "since": DBField(type="date", required=False),
    "tags": DBField(type="string[]", required=False, field_name="tag_list"),
    "secret": DBField(type="string", required=False, returned=False),
    "role": DBField(type=("user", "admin"), required=False, input=False),
}
SESSION_FIELDS = {"theme": DBField(type="string", default_value="light")}
EVEN = "an even number, please"


# Values


@given(st.sampled_from(TYPES), ANY_JSON)
def test_whatever_a_client_sends_is_a_value_of_the_column_or_refused(
    kind: FieldType, value: Any
) -> None:
    field = DBField(type=kind, required=False)
    try:
        taken = to_database(field, value)
    except ValueError:
        return
    expected = {"number": int, "boolean": bool, "date": datetime}.get(str(kind), str)
    assert taken is None or type(taken) is expected
    assert "\0" not in str(taken)


@pytest.mark.parametrize(
    ("kind", "value", "taken"),
    [
        ("string", 5.0, "5"),
        ("string", 1.5, "1.5"),
        ("string", True, "true"),
        ("string", "a\ud800", "a\ufffd"),
        ("number", 5.0, 5),
        ("number", "5", 5),
        ("boolean", "T", True),
        ("boolean", 0.0, False),
        ("date", "2020-02-29", datetime(2020, 2, 29, tzinfo=UTC)),
        ("date", "2020-02-29T12:00:00.000Z", datetime(2020, 2, 29, 12, tzinfo=UTC)),
        ("json", {"a": [1.0, 1.5]}, '{"a": [1, 1.5]}'),
        ("json", '{"a":1}', '{"a": 1}'),
        ("string[]", ["a"], '["a"]'),
        ("number[]", [1.0, 2.5], "[1, 2.5]"),
    ],
)
def test_values_are_taken_as_node_postgres_and_postgresql_take_them(
    kind: FieldType, value: Any, taken: Any
) -> None:
    assert to_database(DBField(type=kind), value) == taken


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("string", "a\0b"),
        ("string", ["a"]),
        ("number", 1.5),
        ("number", 2.0**31),
        ("number", True),
        ("number", float("nan")),
        ("boolean", "perhaps"),
        ("date", "tomorrow"),
        ("date", 5.0),
        ("json", "no JSON"),
        ("json", {"a": "\0"}),
        ("json", float("inf")),
        ("string[]", "a"),
        ("string[]", [1.0]),
        ("number[]", ["1"]),
        ("string", None),
    ],
)
def test_what_the_column_cannot_hold_is_refused(kind: FieldType, value: Any) -> None:
    with pytest.raises(ValueError, match=r"expected|required"):
        to_database(DBField(type=kind), value)


def test_what_was_written_as_json_is_read_again() -> None:
    field = DBField(type="json")
    assert decode_value(field, to_database(field, {"a": [1.0, None]})) == {"a": [1, None]}


def test_a_validator_says_no_in_its_own_words_and_may_change_the_value() -> None:
    def even(value: Any) -> Any:
        if value % 2:
            raise ValueError(EVEN)
        return value // 2

    fields = {"number": DBField(type="number", validator=even)}
    assert parse_input(fields, {"number": 4}, "create") == {"number": 2}
    with pytest.raises(APIError, match="VALIDATION_ERROR") as raised:
        parse_input(fields, {"number": 3}, "create")
    assert raised.value.message == EVEN


# On a server


class Counted:
    """A pool that counts the statements."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self.statements: list[str] = []

    async def fetch(self, query: str, /, *args: Any) -> Any:
        self.statements.append(query)
        return await self._pool.fetch(query, *args)

    async def fetchrow(self, query: str, /, *args: Any) -> Any:
        self.statements.append(query)
        return await self._pool.fetchrow(query, *args)

    def acquire(self) -> Any:
        return self._pool.acquire()


async def _no_robots(change: RowChange) -> Mapping[str, Any] | None:
    if change.values["name"] == "Robot":
        raise APIError(Code.FAILED_TO_CREATE_USER, status=403)
    return {"nickname": f"{change.values['name']} of {change.path}"}


written: list[RowChange] = []


async def _note(change: RowChange) -> None:
    written.append(change)


HOOKED = Plugin(
    id="hooked",
    schema={"user": DBTable(fields={"level": DBField(type="number", default_value=1)})},
    database_hooks=[
        DatabaseHook(model="user", action="create", before=_no_robots, after=_note),
        DatabaseHook(model="user", action="update", after=_note),
    ],
)


@pytest.fixture(scope="module")
async def pool(create_database: CreateDatabase) -> Any:
    url = DatabaseURL.parse(await create_database())
    async with asyncpg.create_pool(**url.connect_arguments(), min_size=1, max_size=3) as pool:
        yield Counted(pool)


@pytest.fixture(scope="module")
async def auth(pool: Counted) -> BetterAuth:
    options = BetterAuthOptions(
        secret="tests-only-5f0c8e7d6b1a4293a8c6e0d1",
        base_url=BASE_URL,
        rate_limit=UNLIMITED,
        plugins=(HOOKED,),
        user=UserOptions(additional_fields=USER_FIELDS),
        session=SessionOptions(additional_fields=SESSION_FIELDS),
    )
    auth = BetterAuth(options, pool)
    await auth.migrate()
    return auth


@pytest.fixture(scope="module")
def site(auth: BetterAuth) -> FastAPI:
    site = FastAPI()
    auth.install(site)

    @site.get("/mine")
    async def mine(current: CurrentSession) -> dict[str, Any]:
        return {"user": current.user.fields, "session": current.session.fields}

    return site


@pytest.fixture
async def client(site: FastAPI) -> Any:
    transport = httpx.ASGITransport(site)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


def sign_up_body(**more: Any) -> dict[str, Any]:
    return {"name": "Ada", "email": new_email(), "password": PASSWORD, **more}


async def test_added_fields_are_in_typed_rows(client: httpx.AsyncClient) -> None:
    body = sign_up_body(tags=["a"], secret="s", since="2020-02-29T12:00:00.000Z")
    answer = await client.post("/api/auth/sign-up/email", json=body)
    assert answer.status_code == 200, answer.text
    user = answer.json()["user"]
    assert (user["level"], user["plan"], user["tags"], user["role"]) == (1, "free", ["a"], None)
    assert user["since"] == "2020-02-29T12:00:00.000Z"
    assert "secret" not in user
    mine = (await client.get("/mine")).json()
    assert mine["user"]["secret"] == "s"
    assert mine["session"] == {"theme": "light"}


async def test_get_session_is_one_statement(client: httpx.AsyncClient, pool: Counted) -> None:
    await client.post("/api/auth/sign-up/email", json=sign_up_body())
    pool.statements.clear()
    answer = await client.get("/api/auth/get-session")
    assert answer.json()["user"]["plan"] == "free"
    assert len(pool.statements) == 1


async def test_sign_up_is_two_statements(client: httpx.AsyncClient, pool: Counted) -> None:
    pool.statements.clear()
    await client.post("/api/auth/sign-up/email", json=sign_up_body(nickname="x"))
    assert len(pool.statements) == 2


async def test_a_hook_before_a_row_is_written_changes_or_forbids_it(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/api/auth/sign-up/email", json=sign_up_body())
    assert answer.json()["user"]["nickname"] == "Ada of /sign-up/email"
    refused = await client.post("/api/auth/sign-up/email", json=sign_up_body(name="Robot"))
    assert refused.status_code == 403


async def test_hooks_after_a_row_is_written_are_told_whose_it_is(
    client: httpx.AsyncClient,
) -> None:
    written.clear()
    answer = await client.post("/api/auth/sign-up/email", json=sign_up_body())
    headers = {"origin": BASE_URL}
    changed = await client.post("/api/auth/update-user", json={"plan": "paid"}, headers=headers)
    assert changed.status_code == 200, changed.text
    user_id = answer.json()["user"]["id"]
    assert [change.user_id for change in written] == [user_id, user_id]
    assert [change.path for change in written] == ["/sign-up/email", "/update-user"]
    assert written[1].values == {"plan": "paid"}


async def test_a_value_that_postgresql_refuses_is_no_500(client: httpx.AsyncClient) -> None:
    await client.post("/api/auth/sign-up/email", json=sign_up_body())
    headers = {"origin": BASE_URL}
    for body in ({"since": "soon"}, {"tags": "no list"}, {"plan": None}, {"nickname": "\0"}):
        answer = await client.post("/api/auth/update-user", json=body, headers=headers)
        assert answer.status_code in {200, 400}, body
    client.cookies.clear()
    bad = await client.post("/api/auth/sign-up/email", json=sign_up_body(since="soon"))
    assert (bad.status_code, bad.json()["code"]) == (422, "FAILED_TO_CREATE_USER")


async def test_the_document_shows_added_fields(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    user = document["components"]["schemas"]["AuthUser"]["properties"]
    assert {"nickname", "plan", "since", "tags", "role", "level", "email"} <= set(user)
    assert "secret" not in user
    assert "theme" in document["components"]["schemas"]["AuthSession"]["properties"]
    properties = document["components"]["schemas"]["SignUpEmailBody"]["properties"]
    assert {"nickname", "secret", "tags"} <= set(properties)
    assert "role" not in properties


async def test_the_plain_sign_up_takes_added_fields_too(pool: Counted) -> None:
    options = BetterAuthOptions(
        secret="tests-only-5f0c8e7d6b1a4293a8c6e0d1",
        base_url=BASE_URL,
        rate_limit=UNLIMITED,
        user=UserOptions(additional_fields=USER_FIELDS | {"level": DBField(type="number")}),
        session=SessionOptions(additional_fields=SESSION_FIELDS),
    )
    host = FastAPI()
    BetterAuth(options, pool).install(host)
    transport = httpx.ASGITransport(host)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        body = {"email": new_email(), "password": PASSWORD, "level": 3, "tags": ["a"]}
        missing = {name: value for name, value in body.items() if name != "level"}
        refused = await client.post("/api/auth/signup", json=missing)
        assert (refused.status_code, refused.json()) == (400, {"detail": "level is required"})
        forbidden = await client.post("/api/auth/signup", json={**body, "role": "admin"})
        assert forbidden.json() == {"detail": "role is not allowed to be set"}
        user = (await client.post("/api/auth/signup", json={**body, "id": "x", "a": 1})).json()[
            "user"
        ]
        assert (user["level"], user["tags"], user["plan"]) == (3, ["a"], "free")
        assert user["id"] != "x"
        schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    assert {"level", "tags", "email"} <= {*schemas["Registration"]["properties"]}
    assert "level" in schemas["Registration"]["required"]
    assert "role" not in schemas["Registration"]["properties"]
    assert schemas["AccessToken"]["properties"]["user"] == {"$ref": "#/components/schemas/AuthUser"}
    assert {"level", "tags", "email"} <= {*schemas["AuthUser"]["properties"]}
    assert "User" not in schemas


class User(BaseModel):
    """A host's own model, which has the name of one of ours."""

    number: int


async def test_a_model_of_the_host_with_the_same_name_stays_in_the_document(pool: Counted) -> None:
    options = BetterAuthOptions(
        secret="tests-only-5f0c8e7d6b1a4293a8c6e0d1",
        base_url=BASE_URL,
        plugins=(),
        user=UserOptions(additional_fields=USER_FIELDS),
    )
    host = FastAPI()
    BetterAuth(options, pool).install(host)
    host.add_api_route("/mine", lambda: None, response_model=User)
    schemas = host.openapi()["components"]["schemas"]
    assert {*schemas["User"]["properties"]} == {"number"}
    assert "plan" in schemas["AuthUser"]["properties"]


# Metadata


def test_a_host_may_have_a_class_and_a_table_of_the_same_name() -> None:
    code = """
from sqlmodel import Field, SQLModel
import authward
class User(SQLModel, table=True):
    __tablename__ = "user"
    id: int = Field(primary_key=True)
assert set(SQLModel.metadata.tables) == {"user"}
assert "email" not in SQLModel.metadata.tables["user"].columns
"""
    subprocess.run([sys.executable, "-c", code], check=True)
