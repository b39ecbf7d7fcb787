"""The plugin `device_authorization`: codes, polling, approval and denial."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlencode

from authward import BetterAuthOptions
from authward.plugins import DeviceAuthorizationOptions, device_authorization
from authward.plugins.device_authorization import DeviceRequest
from authward.plugins.schema_options import TableOptions
from tests.conformance.model import (
    UNSET,
    WRONG_TYPES,
    Call,
    Scenario,
    Sql,
    get,
    mails,
    post,
    scenario,
    session,
    signed_up,
)
from tests.conformance.setup import Collect, Setup

PLAIN: Final = "devices"
STRICT: Final = "strict devices"
GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
FORM: Final = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Asked:
    """What the original's callback is given."""

    id: str
    scope: str | None


def _default(base: BetterAuthOptions, _: Collect) -> BetterAuthOptions:
    return replace(base, plugins=(*(base.plugins or ()), device_authorization()))


async def _is_television(request: DeviceRequest) -> bool:
    return request.client_id.startswith("tv")


def _strict(base: BetterAuthOptions, collect: Collect) -> BetterAuthOptions:
    async def asked(request: DeviceRequest) -> None:
        await collect("device")(Asked(request.client_id, request.scope))

    options = DeviceAuthorizationOptions(
        expires_in="2 minutes",
        interval="1m",
        device_code_length=24,
        user_code_length=6,
        validate_client=_is_television,
        on_device_auth_request=asked,
        verification_uri="https://tasks.example/tv?lang=en",
        schema={"deviceCode": TableOptions(model_name="devices", fields={"userCode": "typed"})},
    )
    return replace(base, plugins=(*(base.plugins or ()), device_authorization(options)))


SETUPS: Final = {
    PLAIN: Setup("device_authorization", _default),
    STRICT: Setup("device_authorization", _strict),
}


def code(save: str = "tv", **body: Any) -> Call:
    given = {"client_id": "tv", **body}
    return post("/device/code", f"a device asks for codes: {body}", json=given, save=save)


def form(**pairs: Any) -> Call:
    body = urlencode(pairs, doseq=True).encode()
    return post("/device/code", f"a form: {pairs}", body=body, content_type=FORM)


def poll(save: str = "tv", name: str = "", **body: Any) -> Call:
    given = {"grant_type": GRANT, "device_code": f"<<{save}.device_code>>", "client_id": "tv"}
    label = name or f"{save} asks for its token: {body}"
    return post("/device/token", label, json={**given, **body}, save=f"{save}_token")


def patience(save: str = "tv", table: str = '"deviceCode"') -> Sql:
    """The device has waited."""
    text = (
        f"UPDATE {table} SET \"lastPolledAt\" = now() - interval '2 minutes'"
        ' WHERE "deviceCode" = $1'
    )
    return Sql(text, (f"<<{save}.device_code>>",))


def over(save: str = "tv", table: str = '"deviceCode"') -> Sql:
    text = f'UPDATE {table} SET "expiresAt" = now() - interval \'1 minute\' WHERE "deviceCode" = $1'
    return Sql(text, (f"<<{save}.device_code>>",))


def look(save: str = "tv", *, by: str | None = "ada", user_code: str = "") -> Call:
    typed = user_code or f"<<{save}.user_code>>"
    cookie = None if by is None else f"<<{by}.cookie>>"
    return get(f"/device?user_code={typed}", f"{by} looks at {save} {user_code}", cookie=cookie)


def decide(verb: str, save: str = "tv", *, by: str | None = "ada", body: Any = UNSET) -> Call:
    cookie = None if by is None else f"<<{by}.cookie>>"
    given = {"userCode": f"<<{save}.user_code>>"} if body is UNSET else body
    return post(f"/device/{verb}", f"{by}: {verb} {save} {body}", json=given, cookie=cookie)


def _wrong(path: str, right: dict[str, Any], cookie: str | None = None) -> Iterator[Call]:
    for name in right:
        left_out = {key: value for key, value in right.items() if key != name}
        yield post(path, f"{path} without {name}", json=left_out, cookie=cookie)
        for label, value in WRONG_TYPES.items():
            given = {**left_out, name: value}
            yield post(path, f"{path}: {name} is {label}", json=given, cookie=cookie)
    for label, value in WRONG_TYPES.items():
        yield post(path, f"{path}: the body is {label}", json=value, cookie=cookie)
    yield post(path, f"{path}: no body", cookie=cookie)


SCENARIOS: Final[list[Scenario]] = [
    scenario(
        "devices: approved",
        signed_up(),
        signed_up("bob"),
        code(scope="openid tasks"),
        look(by=None),
        decide("approve", by=None),
        decide("approve"),
        poll(),
        poll("tv", "too soon"),
        look(),
        look(by="bob"),
        look(by=None),
        decide("approve", by="bob"),
        decide("deny", by="bob"),
        decide("approve"),
        decide("approve"),
        decide("deny"),
        look(),
        patience(),
        poll("tv", "as another client", client_id="pc"),
        poll("tv", "now"),
        get("/get-session", headers=(("authorization", "Bearer <<tv_token.access_token>>"),)),
        poll("tv", "once only"),
        look(),
        setting=PLAIN,
    ),
    scenario(
        "devices: denied and late",
        signed_up(),
        code(),
        look(),
        decide("deny"),
        decide("approve"),
        poll(),
        patience(),
        poll("tv", "the code is gone"),
        code("late"),
        over("late"),
        look("late"),
        decide("approve", "late"),
        decide("deny", "late"),
        poll("late"),
        poll("late", "the code is gone"),
        code("odd"),
        look("odd"),
        Sql(
            'UPDATE "deviceCode" SET status = \'odd\' WHERE "deviceCode" = $1',
            ("<<odd.device_code>>",),
        ),
        poll("odd"),
        setting=PLAIN,
    ),
    scenario(
        "devices: bound to a user beforehand",
        signed_up(),
        signed_up("bob"),
        code(user_id="<<bob.id>>"),
        look(),
        decide("approve"),
        look(by="bob"),
        decide("approve", by="bob"),
        poll(),
        code("lost", user_id="nobody"),
        look("lost"),
        decide("deny", "lost"),
        Sql(
            'UPDATE "deviceCode" SET status = \'approved\' WHERE "deviceCode" = $1',
            ("<<lost.device_code>>",),
        ),
        poll("lost"),
        session("ada"),
        setting=PLAIN,
    ),
    scenario(
        "devices: what is sent",
        signed_up(),
        *_wrong("/device/code", {"client_id": "tv", "user_id": "x", "scope": "y"}),
        code(client_id=""),
        code(user_id="", scope=""),
        code(client_id="NUL\0"),
        form(client_id="tv"),
        form(client_id=""),
        form(client_id=["tv", "pc"]),
        form(client_id=["", "tv"], scope=["a", "b"]),
        form(client_id=["tv", ""], scope=["", ""], user_id=["x", "x"]),
        form(scope="x"),
        *_wrong("/device/token", {"grant_type": GRANT, "device_code": "x", "client_id": "tv"}),
        poll("tv", "an unknown code", device_code="x"),
        poll("tv", "NUL", device_code="NUL\0"),
        *_wrong("/device/approve", {"userCode": "ABCDEFGH"}, "<<ada.cookie>>"),
        *_wrong("/device/deny", {"userCode": "ABCDEFGH"}, "<<ada.cookie>>"),
        *(
            decide(verb, body={"userCode": value})
            for verb in ("approve", "deny")
            for value in ("", "NUL\0", "ABCD-EFGH", "é")
        ),
        get("/device"),
        *(get(f"/device?{query}") for query in ("user_code=", "user_code=a&user_code=b", "x=y")),
        get("/device?user_code=%00"),
        post(
            "/device/approve", "another site", json={}, cookie="<<ada.cookie>>", origin="http://x.y"
        ),
        get("/device/code"),
        setting=PLAIN,
    ),
    scenario(
        "devices: codes as they are typed",
        signed_up(),
        code(),
        Sql(
            'UPDATE "deviceCode" SET "userCode" = $2 WHERE "deviceCode" = $1',
            ("<<tv.device_code>>", "ABCDEFGH<<here>>"),
        ),
        look(user_code="ABCDEFGH<<here>>"),
        look(user_code="abcd-efgh<<here>>"),
        look(user_code="ABCD"),
        look(user_code="ABCD-0000"),
        setting=PLAIN,
    ),
    scenario(
        "strict devices",
        signed_up(),
        code(client_id="pc"),
        code(client_id="tv-<<here>>", scope="tasks"),
        mails(),
        poll("tv", "another client", client_id="pc"),
        poll("tv", "another television", client_id="tv"),
        poll("tv", "the television", client_id="tv-<<here>>"),
        poll("tv", "too soon", client_id="tv-<<here>>"),
        look(),
        decide("approve"),
        patience("tv", "devices"),
        poll("tv", "now", client_id="tv-<<here>>"),
        code("late"),
        over("late", "devices"),
        poll("late"),
        setting=STRICT,
    ),
]
