"""`localhost`, 127.0.0.1 and ::1 are one machine: what is trusted under one name is under all."""

import re
from itertools import product
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from authward.security.origins import TrustedOrigins, check_trusted_origin, with_loopback_twins
from tests.conftest import PASSWORD, CreateDatabase, new_email
from tests.fuzz.target import MakeRunServer
from tests.support.forged_tokens import HEADER, Forger
from tests.support.servers import SECRET

NAMES = ("localhost", "127.0.0.1", "[::1]")
ASKED = (("GET", "/tasks"), ("POST", "/auth/sign-out"), ("OPTIONS", "/tasks"))
PREFLIGHT = (b"access-control-request-method", b"POST")
PUBLIC = [
    *("https://localhost:3000", "http://localhost.example.com:3000", "http://app.localhost:3000"),
    *(
        "http://127.0.0.2:3000",
        "http://0.0.0.0:3000",
        "http://192.168.1.1:3000",
        "http://[::2]:3000",
    ),
    *("https://127.0.0.1", "https://api.example.com", "*.example.com", "myapp://", "localhost:*"),
]


def trusted(*origins: str) -> TrustedOrigins:
    return TrustedOrigins(with_loopback_twins(map(check_trusted_origin, origins)))


@pytest.mark.parametrize(("configured", "called"), list(product(NAMES, NAMES)))
@pytest.mark.parametrize("port", ["", ":3000", ":65535"])
def test_each_name_of_this_machine_implies_the_others(
    configured: str, called: str, port: str
) -> None:
    origins = trusted(f"http://{configured}{port}")
    assert origins.is_trusted_origin(f"http://{called}{port}")
    assert origins.is_trusted_redirect(f"http://{called}{port}/x?y")
    for other in (f"https://{called}{port}", f"http://{called}:3001", f"http://{called}.evil.com"):
        assert not origins.is_trusted_origin(other)


@pytest.mark.parametrize("configured", NAMES)
def test_a_wildcard_for_ports_is_one_for_all_names(configured: str) -> None:
    origins = trusted(f"http://{configured}:*")
    for called in NAMES:
        assert origins.is_trusted_origin(f"http://{called}:5173")
        assert not origins.is_trusted_origin(f"https://{called}:5173")


@pytest.mark.parametrize("origin", PUBLIC)
def test_no_other_origin_has_twins(origin: str) -> None:
    assert list(with_loopback_twins([check_trusted_origin(origin)])) == [origin]


@given(st.from_regex(r"https?://[a-z0-9.\[\]:-]{1,20}", fullmatch=True))
def test_a_public_origin_never_makes_this_machine_trusted(origin: str) -> None:
    more = set(with_loopback_twins([origin])) - {origin}
    assert not more or re.fullmatch(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", origin)


@pytest.mark.parametrize(("name", "port"), list(product(NAMES, (8000, 3000))))
async def test_every_name_signs_up_reads_the_answer_and_is_a_callback(
    client: httpx.AsyncClient, name: str, port: int
) -> None:
    origin = f"http://{name}:{port}"
    body = {"email": new_email(), "password": PASSWORD, "name": "", "callbackURL": f"{origin}/x"}
    headers = {"origin": origin, "cookie": "a=1", "sec-fetch-site": "same-site"}
    response = await client.post("/api/auth/sign-up/email", json=body, headers=headers)
    assert response.status_code == 200, response.text
    assert response.headers["access-control-allow-origin"] == origin
    asked = {"origin": origin, "access-control-request-method": "POST"}
    assert (await client.options("/api/tasks", headers=asked)).status_code == 204


@pytest.mark.parametrize("claim", ["iss", "aud"])
async def test_a_token_names_the_server_as_it_is_configured(
    app: FastAPI, client: httpx.AsyncClient, claim: str
) -> None:
    statuses = {}
    for name, port in product(NAMES, (8000, 3000)):
        claims = f'{{"sub":"u","exp":99999999999,"{claim}":"http://{name}:{port}"}}'
        token = Forger(app.state.better_auth.options.secret).sign(HEADER, claims)
        answer = await client.get("/api/tasks", headers={"Authorization": f"Bearer {token}"})
        statuses[name, port] = answer.status_code
    assert statuses == {(n, p): 200 if n == "localhost" else 401 for n, p in statuses}


async def test_one_address_is_printed_and_it_and_its_twin_sign_up(
    create_migrated_database: CreateDatabase,
) -> None:
    with MakeRunServer(await create_migrated_database()) as server:
        server.stop()
        printed = re.findall(r"https?://[^\s\"]+", server.log())
    assert printed == [server.settings.get("BETTER_AUTH_URL", server.url)]


async def test_a_refused_origin_is_logged_once_with_the_setting_that_admits_it(
    create_migrated_database: CreateDatabase,
) -> None:
    hostile: list[Any] = [
        *(b"http://evil.example:5173", b"http://b\xfccher.example", b"myapp://\x1b[31m\xff"),
        *(b"http://" + b"x" * 900, b"null", b"", b"http://[", b"javascript:alert(1)"),
        *(b"http://%d.example" % number for number in range(120)),
    ]
    with MakeRunServer(await create_migrated_database()) as server:
        async with httpx.AsyncClient(base_url=f"{server.url}/api") as client:
            for origin, (method, path) in product([*hostile, *hostile[:4]], ASKED):
                headers = [(b"origin", origin), (b"cookie", b"a=1"), PREFLIGHT]
                assert not (await client.request(method, path, headers=headers)).is_success
        server.stop()
        log = server.log()
    lines = [line for line in log.splitlines() if "BETTER_AUTH_TRUSTED_ORIGINS" in line]
    assert sum("http://evil.example:5173" in line for line in lines) == 1
    assert len(lines) == len(set(re.findall(r'"origin":"([^"]*)"', "\n".join(lines)))) == 100
    assert max(map(len, lines)) < 1_000
    assert "\x1b" not in log
    assert SECRET not in log
