"""The setups, and what every conversation about keys has."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from pydantic.alias_generators import to_snake

from authward import BetterAuthOptions, Endpoint, EndpointContext, Plugin
from authward.plugins import ApiKeyOptions, api_key, organization
from authward.plugins.api_key import (
    KeyExpirationOptions,
    KeyOwner,
    KeyRateLimitOptions,
    KeyRequest,
    StartingCharactersOptions,
)
from authward.plugins.schema_options import TableOptions
from tests.conformance.model import (
    UNSET,
    WRONG_TYPES,
    Call,
    get,
    post,
)
from tests.conformance.setup import Collect, MakeOptions, Setup

PLAIN: Final = "api keys"


STRICT: Final = "strict api keys"


KINDS: Final = "kinds of api keys"


NAMED: Final = "a named kind of api keys"


HOST: Final = ("createApiKey", "updateApiKey", "verifyApiKey", "deleteAllExpiredApiKeys")


async def _not_forbidden(request: KeyRequest) -> bool:
    return "forbidden" not in request.key


async def _of_owner(owner: KeyOwner) -> dict[str, list[str]]:
    return {"string" if owner.reference_id else "nothing": ["read"]}


def _strict() -> Plugin:
    options = ApiKeyOptions(
        api_key_headers=["x-key", "x-other-key"],
        enable_session_for_api_keys=True,
        enable_metadata=True,
        require_name=True,
        minimum_name_length=3,
        maximum_name_length=8,
        minimum_prefix_length=2,
        maximum_prefix_length=4,
        default_prefix="tw_",
        default_key_length=20,
        custom_api_key_validator=_not_forbidden,
        key_expiration=KeyExpirationOptions(
            default_expires_in=7200, min_expires_in=0.5, max_expires_in=2
        ),
        rate_limit=KeyRateLimitOptions(time_window=60_000, max_requests=3),
        starting_characters_config=StartingCharactersOptions(characters_length=4),
        default_permissions={"tasks": ["read"]},
    )
    names = {"referenceId": "owner", "key": "secret_hash"}
    return api_key(options, schema={"apikey": TableOptions(model_name="keys", fields=names)})


def _kinds() -> Plugin:
    return api_key(
        [
            ApiKeyOptions(
                config_id="default",
                key_expiration=KeyExpirationOptions(disable_custom_expires_time=True),
                rate_limit=KeyRateLimitOptions(enabled=False),
            ),
            ApiKeyOptions(
                config_id="public",
                default_prefix="pk_",
                starting_characters_config=StartingCharactersOptions(should_store=False),
            ),
            ApiKeyOptions(
                config_id="team", references="organization", default_permissions=_of_owner
            ),
        ]
    )


def _host() -> Plugin:
    """What the host's own code may do, as endpoints."""

    def endpoint(name: str) -> Endpoint:
        async def handler(ctx: EndpointContext) -> Any:
            api = ctx.request.app.state.better_auth.api
            body = ctx.body if isinstance(ctx.body, dict) else {}
            return await getattr(api, to_snake(name))(**body)

        return Endpoint(path=f"/host/{name}", handler=handler, name=f"host_{to_snake(name)}")

    return Plugin(id="host", endpoints=[endpoint(name) for name in HOST])


def with_plugin(plugin: Plugin) -> MakeOptions:
    def make(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
        more = (organization(), plugin, _host())
        return replace(base, plugins=(*(base.plugins or ()), *more))

    return make


SETUPS: Final = {
    PLAIN: Setup("api_key", with_plugin(api_key())),
    STRICT: Setup("api_key", with_plugin(_strict())),
    KINDS: Setup("api_key", with_plugin(_kinds())),
    NAMED: Setup("api_key", with_plugin(api_key(ApiKeyOptions(config_id="only")))),
}


def ask(action: str, body: Any = UNSET, name: str = "", *, by: str = "ada", **more: Any) -> Call:
    """Somebody asks an endpoint."""
    label = name or f"{by} asks {action}: {body}"
    return post(f"/api-key/{action}", label, json=body, **{"cookie": f"<<{by}.cookie>>", **more})


def create(name: str = "", *, save: str = "key", by: str = "ada", **body: Any) -> Call:
    return ask("create", body, name or f"{by} makes a key: {body}", by=by, save=save)


def update(save: str = "key", *, by: str = "ada", **body: Any) -> Call:
    return ask("update", {"keyId": f"<<{save}.id>>", **body}, by=by)


def see(save: str = "key", *, by: str = "ada", **query: Any) -> Call:
    path = f"/api-key/get?{urlencode({'id': f'<<{save}.id>>', **query}, safe='<>')}"
    return get(path, f"{by} sees {save}: {query}", cookie=f"<<{by}.cookie>>")


def listed(*, by: str = "ada", **query: Any) -> Call:
    path = f"/api-key/list?{urlencode(query, doseq=True, safe='<>')}"
    return get(path, f"{by} lists keys: {query}", cookie=f"<<{by}.cookie>>")


def host(action: str, *, save: str = "", **body: Any) -> Call:
    """The host's own code."""
    return post(f"/host/{action}", f"the host: {action} {body}", json=body, save=save)


def verify(save: str = "key", **body: Any) -> Call:
    return host("verifyApiKey", **{"key": f"<<{save}.key>>", **body})


def by_key(path: str, save: str = "key", *, header: str = "x-key", **more: Any) -> Call:
    """Somebody asks with a key, and no cookie."""
    method = "POST" if "json" in more else "GET"
    call = post if method == "POST" else get
    return call(path, f"{path} by {save}", headers=((header, f"<<{save}.key>>"),), **more)


def choices(values: dict[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Every choice of every property, one at a time."""
    return [{name: value} for name, each in values.items() for value in each]


def _singles(values: dict[str, Any]) -> list[dict[str, Any]]:
    return choices({name: (value,) for name, value in values.items()})


def _any(*values: Any) -> tuple[Any, ...]:
    return values


def _wrong(action: str, right: dict[str, Any], names: tuple[str, ...]) -> Iterator[Call]:
    """Every property of a body with every wrong type."""
    for name in names:
        for label, value in WRONG_TYPES.items():
            yield ask(action, {**right, name: value}, f"{action}: {name} is {label}")
    for label, value in WRONG_TYPES.items():
        yield ask(action, value, f"{action}: the body is {label}")
    yield ask(action, UNSET, f"{action}: no body")


BODY: Final = (
    "configId",
    "name",
    "expiresIn",
    "prefix",
    "remaining",
    "metadata",
    "refillAmount",
    "refillInterval",
    "rateLimitTimeWindow",
    "rateLimitMax",
    "rateLimitEnabled",
    "permissions",
    "userId",
    "organizationId",
)


DAY: Final = 86_400
