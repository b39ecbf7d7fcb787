"""Paths and methods that are not, or are spelled in another way."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from tests.conformance.model import Call, call, get, post, scenario, signed_up

ENDPOINTS: Final = {
    "/sign-up/email": ("POST",),
    "/sign-in/email": ("POST",),
    "/sign-out": ("POST",),
    "/get-session": ("GET", "POST"),
    "/token": ("GET",),
    "/ok": ("GET",),
    "/update-user": ("POST",),
    "/change-password": ("POST",),
    "/list-sessions": ("GET",),
    "/delete-user": ("POST",),
}
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
UNKNOWN: Final = (
    "/nothing-here",
    "/sign-in",
    "/sign-up",
    "/sign-in/email/more",
    "/signIn/email",
    "/SIGN-IN/EMAIL",
    "/set-password",
    "/sign-in/username",
    "/admin/list-users",
    "/user",
    "/users",
    "/session",
    "/jwt",
    "/reference",
    "/openapi.json",
    "/docs",
    "/.well-known/jwks.json",
)
SPELLINGS: Final = (
    "/ok",
    "/ok/",
    "//ok",
    "/ok//",
    "/OK",
    "/%6fk",
    "/ok%2F",
    "/ok%20",
    "/ok.json",
    "/ok;x=y",
    "/ok?",
    "/ok?a=b#c",
    "/..//ok",
    "/ok/..",
    "/ok/.",
    "/ok%00",
    "/ok\\",
    "/*",
    "/**",
    "/:id",
    "/%",
    "/%zz",
)
# Clients resolve these before they send; the original does it for those that do not.
DOTTED: Final = ("/./ok", "/x/../ok", "/x/%2e%2e/ok", "/../auth/ok")
ROOTS: Final = (
    "/api/auth",
    "/api/auth/",
    "/api/auth//",
    "/api//auth/ok",
    "//api/auth/ok",
    "/API/AUTH/ok",
    "/api/authx/ok",
    "/api/auth?x=/ok",
    "/api/auth/api/auth/ok",
)


def wrong_methods(path: str) -> Iterator[Call]:
    for method in METHODS:
        if method not in ENDPOINTS[path]:
            yield call(method, path)
            if method != "GET":
                yield call(method, path, f"{method} {path} with a body", json={})
    yield get(f"{path}/", f"GET {path}/")
    yield post(f"{path}/", f"POST {path}/", json={})
    yield post(path.replace("/", "//"), f"POST {path} with double slashes", json={})


def at(path: str) -> Call:
    return replace(get("", f"GET {path}"), path=path)


SCENARIOS = [
    *(
        scenario(f"{path[1:]} has these methods and this path only", wrong_methods(path))
        for path in ENDPOINTS
    ),
    scenario(
        "there is nothing at unknown paths",
        *(get(path) for path in UNKNOWN),
        *(post(path, json={}) for path in UNKNOWN),
        signed_up(),
        *(get(path, f"{path}, signed in", cookie="<<ada.cookie>>") for path in UNKNOWN),
    ),
    scenario("paths are spelled in one way", *(get(path) for path in SPELLINGS)),
    scenario(
        "dots in paths are resolved, or found nowhere",
        *(get(path, refusable="paths have one spelling") for path in DOTTED),
    ),
    scenario("the base path is spelled in one way", *(at(path) for path in ROOTS)),
    scenario(
        "odd methods find nothing",
        *(call(method, "/ok") for method in ("HEAD", "PROPFIND", "PURGE")),
        *(call(method, "/get-session") for method in ("HEAD", "PUT", "DELETE")),
    ),
]
