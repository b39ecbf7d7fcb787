"""Plugins: what one can add to the server, and what is refused when the server is made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI

from authward import BetterAuth, BetterAuthOptions
from authward.codes import ErrorCode
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.fastapi.openapi import EXAMPLES
from authward.options import RateLimitOptions, UserOptions
from authward.plugin import Hook, Plugin, match_paths
from authward.plugin_base import PluginBase
from authward.plugins import bearer, jwt, token_login
from authward.schema import ConflictError, DBField, DBTable
from authward.security.rate_limit import RateLimitRule
from authward.server import CORE_ENDPOINTS
from authward.validation import Field, Schema
from tests.conftest import BASE_URL, PASSWORD, new_email
from tests.support.auth_options import UNLIMITED

SECRET = "tests-only-5f0c8e7d6b1a4293a8c6e0d1"
TEXT = DBField(type="string", required=False)


class GreetingCode(ErrorCode):
    """The codes of the plugin below."""

    NOBODY_TO_GREET = 418, "There is nobody to greet"


async def greet(ctx: EndpointContext) -> dict[str, str]:
    """Greet somebody."""
    if ctx.body["name"] == "nobody":
        raise APIError(GreetingCode.NOBODY_TO_GREET)
    return {"greeting": f"Hello, {ctx.body['name']}"}


async def call_nobody_ada(ctx: EndpointContext) -> None:
    if ctx.body == {"name": ""}:
        ctx.body["name"] = "Ada"


async def refuse_mallory(ctx: EndpointContext) -> None:
    if isinstance(ctx.body, dict) and ctx.body.get("name") == "Mallory":
        raise APIError(403, message="Not you")


async def sign(ctx: EndpointContext) -> None:
    ctx.expose("x-greeted-by", "the plugin")


router = APIRouter()


@router.get("/greetings")
async def greetings() -> list[str]:
    return ["Hello"]


GREET = Endpoint(path="/greet", handler=greet, body=Schema({"name": Field("string")}))
GREETER = Plugin(
    id="greeter",
    endpoints=[GREET],
    before=[
        Hook(matcher=match_paths("/greet"), handler=call_nobody_ada),
        Hook(matcher=match_paths("/sign-up/email", "/greet"), handler=refuse_mallory),
    ],
    after=[Hook(matcher=match_paths("/greet"), handler=sign)],
    rate_limit=[RateLimitRule(60, 2, paths=("/greet",))],
    error_codes=GreetingCode,
    routers=[router],
)


def options(*plugins: PluginBase, **more: Any) -> BetterAuthOptions:
    more = {"rate_limit": UNLIMITED, **more}
    return BetterAuthOptions(secret=SECRET, base_url=BASE_URL, plugins=plugins, **more)


def server(*plugins: PluginBase, **more: Any) -> BetterAuth:
    """A server that is never asked anything."""
    database: Any = None
    return BetterAuth(options(*plugins, **more), database)


@asynccontextmanager
async def site(app: FastAPI, *plugins: PluginBase, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A second server on the database of `app`."""
    second = FastAPI()
    BetterAuth(options(*plugins, **more), app.state.database).install(second)
    transport = httpx.ASGITransport(second)
    async with httpx.AsyncClient(transport=transport, base_url=f"{BASE_URL}/api/auth") as client:
        yield client


async def test_a_plugin_adds_an_endpoint_with_its_errors(app: FastAPI) -> None:
    async with site(app, GREETER) as client:
        answer = await client.post("/greet", json={"name": "Bob"})
        assert answer.json() == {"greeting": "Hello, Bob"}
        nobody = await client.post("/greet", json={"name": "nobody"})
        assert (nobody.status_code, nobody.json()["code"]) == (418, "NOBODY_TO_GREET")
        wrong = await client.post("/greet", json={})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "VALIDATION_ERROR")
        assert (await client.get("/greetings")).json() == ["Hello"]
        document = (await client.get(f"{BASE_URL}/openapi.json")).json()
        assert document["paths"]["/api/auth/greet"]["post"]["summary"] == "Greet somebody"


@pytest.mark.parametrize("examples", [{}, {"greeting": "Hello", "volume": 3}])
def test_a_plugins_endpoint_is_documented_with_the_examples_that_it_brings(
    examples: dict[str, Any],
) -> None:
    body = Schema({"greeting": Field("string"), "volume": Field("number"), "name": Field("string")})
    query = Schema({"greeting": Field("string")})
    endpoint = Endpoint(path="/shout", handler=greet, body=body, query=query, response_model=bool)
    app = FastAPI()
    server(Plugin(id="shouter", endpoints=[endpoint], examples=examples)).install(app)
    document = app.openapi()
    shout = document["paths"]["/api/auth/shout"]["post"]
    name = EXAMPLES["name"]
    assert shout["requestBody"]["content"]["application/json"]["example"] == examples | {
        "name": name
    }
    assert shout["parameters"][0].get("example") == examples.get("greeting")


def test_a_plugins_examples_do_not_replace_those_of_the_core() -> None:
    app = FastAPI()
    server(Plugin(id="other", examples={"email": "eve@example.com"})).install(app)
    body = app.openapi()["components"]["schemas"]["SignInEmailBody"]
    assert body["examples"][0]["email"] == EXAMPLES["email"]


def test_the_core_has_an_example_for_every_property_and_parameter() -> None:
    for endpoint in CORE_ENDPOINTS:
        for schema in filter(None, (endpoint.body, endpoint.query)):
            assert {*schema.fields} <= EXAMPLES.keys(), endpoint.path


async def test_hooks_before_an_endpoint_see_and_change_the_body_or_refuse(app: FastAPI) -> None:
    async with site(app, GREETER) as client:
        answer = await client.post("/greet", json={"name": ""})
        assert answer.json() == {"greeting": "Hello, Ada"}
        refused = await client.post("/greet", json={"name": "Mallory"})
        assert (refused.status_code, refused.json()) == (403, {"message": "Not you"})
        body = {"name": "Mallory", "email": new_email(), "password": PASSWORD}
        assert (await client.post("/sign-up/email", json=body)).status_code == 403
        body["name"] = "Ada"
        assert (await client.post("/sign-up/email", json=body)).status_code == 200


async def test_hooks_after_an_endpoint_add_headers_to_success_and_error(app: FastAPI) -> None:
    async with site(app, GREETER) as client:
        for name, status in (("Bob", 200), ("nobody", 418)):
            answer = await client.post("/greet", json={"name": name})
            assert (answer.status_code, answer.headers["x-greeted-by"]) == (status, "the plugin")
        assert "x-greeted-by" not in (await client.get("/ok")).headers


async def test_a_plugins_rate_limit_comes_before_the_cores(app: FastAPI) -> None:
    async with site(app, GREETER, rate_limit=RateLimitOptions()) as client:
        statuses = [
            (await client.post("/greet", json={"name": "Bob"})).status_code for _ in range(3)
        ]
    await app.state.database.fetch("""DELETE FROM "rateLimit" WHERE key LIKE '%|/greet'""")
    assert statuses == [200, 200, 429]


async def test_what_no_plugin_adds_is_not_there(app: FastAPI) -> None:
    async with site(app) as client:
        body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
        answer = await client.post("/sign-up/email", json=body)
        assert answer.status_code == 200
        assert not {"set-auth-jwt", "set-auth-token"} & set(answer.headers)
        for path in ("/token", "/jwks"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/login", json=body)).status_code == 404
        client.cookies.clear()
        bearing = {"authorization": f"Bearer {answer.json()['token']}"}
        assert (await client.get("/get-session", headers=bearing)).json() is None


async def test_the_default_plugins_are_those_that_are_named(app: FastAPI) -> None:
    async with site(app, jwt(), bearer(), token_login()) as client:
        body = {"name": "Ada", "email": new_email(), "password": PASSWORD}
        answer = await client.post("/signup", json=body)
        assert answer.status_code == 201
        assert answer.headers["access-control-expose-headers"] == "set-auth-jwt, set-auth-token"


# Conflicts


def test_codes_of_plugins_stand_beside_the_cores() -> None:
    codes = server(GREETER).error_codes
    assert codes["NOBODY_TO_GREET"].status == 418
    assert codes["INVALID_TOKEN"].message == "Invalid token"


@pytest.mark.parametrize(
    ("plugins", "sentence"),
    [
        ([Plugin(id="a"), Plugin(id="a")], "two plugins have the id 'a'"),
        (
            [Plugin(id="a", endpoints=[GREET]), Plugin(id="b", endpoints=[GREET])],
            "the plugin 'b' and the plugin 'a' both serve POST /greet",
        ),
        (
            [Plugin(id="a", schema={"user": DBTable(fields={}, name="users")})],
            "the plugin 'a' would rename the table of 'user'",
        ),
        (
            [Plugin(id="a", endpoints=[GREET, GREET])],
            "the plugin 'a' and the plugin 'a' both serve POST /greet",
        ),
        (
            [Plugin(id="a", endpoints=[Endpoint(path="/ok", methods=("GET",), handler=greet)])],
            "the plugin 'a' and the core both serve GET /ok",
        ),
        (
            [
                Plugin(id="a", schema={"user": DBTable(fields={"plan": TEXT})}),
                Plugin(id="b", schema={"user": DBTable(fields={"plan": TEXT})}),
            ],
            "the plugin 'b' and the plugin 'a' both have 'plan' of 'user'",
        ),
        (
            [Plugin(id="a", schema={"user": DBTable(fields={"email": TEXT})})],
            "the plugin 'a' and the core both have 'email' of 'user'",
        ),
        (
            [Plugin(id="a", schema={"user": DBTable(fields={"id": TEXT})})],
            "the plugin 'a' and the core both have 'id' of 'user'",
        ),
        (
            [
                Plugin(id="a", schema={"user": DBTable(fields={"plan": TEXT})}),
                Plugin(
                    id="b",
                    schema={
                        "user": DBTable(fields={"level": DBField(type="string", field_name="plan")})
                    },
                ),
            ],
            "the plugin 'b' and the plugin 'a' both have the column 'plan' of 'user'",
        ),
        (
            [
                Plugin(id="a", schema={"team": DBTable(fields={"name": TEXT})}),
                Plugin(id="b", schema={"team": DBTable(fields={"name": TEXT})}),
            ],
            "the plugin 'b' and the plugin 'a' both have 'name' of 'team'",
        ),
        (
            [
                Plugin(id="a", schema={"team": DBTable(fields={"name": TEXT})}),
                Plugin(id="b", schema={"group": DBTable(fields={"name": TEXT}, name="team")}),
            ],
            "the plugin 'b' and the plugin 'a' both have the table 'team'",
        ),
    ],
)
def test_a_conflict_is_refused_in_a_sentence_that_names_both(
    plugins: list[Plugin], sentence: str
) -> None:
    with pytest.raises(ConflictError, match=sentence):
        server(*plugins)


def test_a_field_of_the_application_may_not_be_a_plugins_too() -> None:
    plugin = Plugin(id="a", schema={"user": DBTable(fields={"plan": TEXT})})
    with pytest.raises(
        ConflictError, match="additional_fields and the plugin 'a' both have 'plan'"
    ):
        server(plugin, user=UserOptions(additional_fields={"plan": TEXT}))


def test_what_is_no_plugin_is_refused() -> None:
    with pytest.raises(TypeError, match="is no Plugin"):
        server(PluginBase(id="a"))
