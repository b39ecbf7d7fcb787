"""Database hooks: what they are told, may change and may forbid, around every kind of row."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Any, get_args

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from authward import (
    APIError,
    BetterAuth,
    BetterAuthOptions,
    ChangeEmailOptions,
    DatabaseHook,
    DBField,
    DeleteUserOptions,
    EmailAndPasswordOptions,
    EmailLink,
    EmailVerificationOptions,
    Plugin,
    RowChange,
    SessionOptions,
    UserOptions,
)
from authward.database_hooks import Action, Model
from taskward.database.url import DatabaseURL
from tests.conftest import BASE_URL, PASSWORD, CreateDatabase, new_email
from tests.support.auth_options import UNLIMITED
from tests.support.quick_passwords import QUICK

MODELS, ACTIONS = get_args(Model), get_args(Action)
PLAN = {"plan": DBField(type="string", default_value="free")}
THEME = {"theme": DBField(type="string", default_value="light")}
OTHER = "another horse battery staple"


@dataclass
class Witness:
    """Notes what it is told, changes what it is asked to, and forbids one thing at most."""

    told: list[tuple[str, str, str]] = field(default_factory=list)
    changes: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    values: dict[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    forbidden: tuple[str, str] | None = None

    def hooks(self) -> list[DatabaseHook]:
        return [self._hook(model, action) for model, action in product(MODELS, ACTIONS)]

    def _hook(self, model: Model, action: Action) -> DatabaseHook:
        async def before(change: RowChange) -> Mapping[str, Any] | None:
            self.told.append(("before", model, action))
            self.values[model, action] = change.values
            if self.forbidden == (model, action):
                raise APIError(403, message="Not this one")
            return self.changes.get((model, action))

        async def after(change: RowChange) -> None:
            self.told.append(("after", model, action))

        return DatabaseHook(model=model, action=action, before=before, after=after)

    def happened(self) -> set[tuple[str, str]]:
        """What was done, of which both hooks were told."""
        return {(m, a) for when, m, a in self.told if when == "after"}


@dataclass
class Site:
    """A host with the witness's hooks, and somebody who is signed in there."""

    client: httpx.AsyncClient
    witness: Witness
    pool: asyncpg.Pool
    emails: list[EmailLink]
    email: str = ""

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(f"/api/auth/{path}", json=body)

    async def sign_up(self) -> httpx.Response:
        self.email = new_email()
        self.client.cookies.clear()
        return await self.post("sign-up/email", name="Ada", email=self.email, password=PASSWORD)

    async def follow(self) -> httpx.Response:
        return await self.client.get(self.emails[-1].url.removeprefix(BASE_URL))

    async def user(self) -> Any:
        return await self.pool.fetchrow('SELECT * FROM "user" WHERE email = $1', self.email)

    def forget(self) -> None:
        self.witness.told.clear()


@pytest.fixture(scope="module")
async def pool(create_database: CreateDatabase) -> AsyncIterator[asyncpg.Pool]:
    url = DatabaseURL.parse(await create_database())
    async with asyncpg.create_pool(**url.connect_arguments(), min_size=1, max_size=3) as pool:
        yield pool


@pytest.fixture
async def site(pool: asyncpg.Pool) -> AsyncIterator[Site]:
    witness, emails = Witness(), list[EmailLink]()

    async def mail(link: EmailLink) -> None:
        emails.append(link)

    options = BetterAuthOptions(
        secret="tests-only-5f0c8e7d6b1a4293a8c6e0d1",
        base_url=BASE_URL,
        rate_limit=UNLIMITED,
        plugins=(Plugin(id="witness", database_hooks=witness.hooks()),),
        email_and_password=EmailAndPasswordOptions(send_reset_password=mail, password=QUICK),
        email_verification=EmailVerificationOptions(
            send_verification_email=mail, send_on_sign_up=False
        ),
        session=SessionOptions(additional_fields=THEME),
        user=UserOptions(
            additional_fields=PLAN,
            change_email=ChangeEmailOptions(enabled=True),
            delete_user=DeleteUserOptions(),
        ),
    )
    auth, host = BetterAuth(options, pool), FastAPI()
    await auth.migrate()
    auth.install(host)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(host), base_url=BASE_URL, headers={"origin": BASE_URL}
    ) as client:
        yield Site(client, witness, pool, emails)


async def test_a_sign_up_tells_of_user_account_and_session(site: Site) -> None:
    assert (await site.sign_up()).status_code == 200
    assert site.witness.happened() == {(m, "create") for m in ("user", "account", "session")}
    assert [when for when, _, _ in site.witness.told] == ["before"] * 3 + ["after"] * 3
    assert site.witness.values["user", "create"]["email"] == site.email
    assert site.witness.values["account", "create"]["providerId"] == "credential"
    assert PASSWORD not in str(site.witness.values)


async def test_sign_in_and_sign_out_tell_of_the_session(site: Site) -> None:
    await site.sign_up()
    site.forget()
    await site.post("sign-in/email", email=site.email, password=PASSWORD)
    assert site.witness.happened() == {("session", "create")}
    site.forget()
    await site.post("sign-out")
    assert site.witness.happened() == {("session", "delete")}
    assert site.witness.values["session", "delete"]["theme"] == "light"


@pytest.mark.parametrize(("path", "ended"), [("revoke-sessions", 2), ("revoke-other-sessions", 1)])
async def test_revoking_tells_of_each_session_that_ends(site: Site, path: str, ended: int) -> None:
    await site.sign_up()
    await site.post("sign-in/email", email=site.email, password=PASSWORD)
    site.forget()
    assert (await site.post(path)).status_code == 200
    assert site.witness.told.count(("after", "session", "delete")) == ended


async def test_changes_of_user_session_and_password_are_told(site: Site) -> None:
    await site.sign_up()
    for path, body, told in (
        ("update-user", {"name": "Grace"}, ("user", "update")),
        ("update-session", {"theme": "dark"}, ("session", "update")),
        (
            "change-password",
            {"currentPassword": PASSWORD, "newPassword": OTHER},
            ("account", "update"),
        ),
    ):
        site.forget()
        answer = await site.post(path, **body)
        assert answer.status_code == 200, answer.text
        assert site.witness.happened() == {told}


async def test_a_password_reset_tells_of_link_and_password(site: Site) -> None:
    await site.sign_up()
    site.forget()
    await site.post("request-password-reset", email=site.email)
    assert site.witness.happened() == {("verification", "create")}
    site.forget()
    token = site.emails[-1].token
    assert (await site.post("reset-password", token=token, newPassword=OTHER)).status_code == 200
    assert site.witness.happened() == {("verification", "delete"), ("account", "update")}
    assert (await site.post("sign-in/email", email=site.email, password=OTHER)).status_code == 200


async def test_verifying_and_changing_an_address_are_changes_of_the_user(site: Site) -> None:
    await site.sign_up()
    await site.post("send-verification-email", email=site.email)
    site.forget()
    site.witness.changes["user", "update"] = {"plan": "verified"}
    assert (await site.follow()).status_code == 302
    assert site.witness.happened() == {("user", "update")}
    assert dict(site.witness.values["user", "update"]) == {"emailVerified": True}
    user = await site.user()
    assert (user["emailVerified"], user["plan"]) == (True, "verified")
    site.forget()
    site.witness.changes["user", "update"] = {"plan": "moved"}
    new = new_email()
    await site.post("change-email", newEmail=new)
    assert (await site.follow()).status_code == 302
    assert site.witness.happened() == {("user", "update")}
    site.email = new
    assert (await site.user())["plan"] == "moved"


async def test_deleting_a_user_tells_of_everything_that_goes(site: Site) -> None:
    await site.sign_up()
    site.forget()
    assert (await site.post("delete-user", password=PASSWORD)).status_code == 200
    assert site.witness.happened() == {(m, "delete") for m in ("session", "account", "user")}
    assert site.witness.values["user", "delete"]["email"] == site.email


async def test_a_session_is_made_as_its_hook_wants_it(site: Site) -> None:
    moment = datetime(2040, 1, 1, tzinfo=UTC)
    site.witness.changes["session", "create"] = {
        "theme": "dark",
        "expiresAt": moment,
        "ipAddress": None,
    }
    for begin in (site.sign_up, lambda: site.post("sign-in/email", **site_credentials(site))):
        assert (await begin()).status_code == 200
        session = (await site.client.get("/api/auth/get-session")).json()["session"]
        assert (session["theme"], session["ipAddress"]) == ("dark", None)
        assert session["expiresAt"] == "2040-01-01T00:00:00.000Z"


def site_credentials(site: Site) -> dict[str, str]:
    return {"email": site.email, "password": PASSWORD}


FORBIDDEN = [
    *[(m, "create", "sign-up/email") for m in ("user", "account", "session")],
    ("session", "delete", "sign-out"),
    ("session", "update", "update-session"),
    ("user", "update", "update-user"),
    ("account", "update", "change-password"),
    *[(m, "delete", "delete-user") for m in ("user", "account", "session")],
]


@pytest.mark.parametrize(("model", "action", "path"), FORBIDDEN)
async def test_what_a_hook_forbids_does_not_happen_and_nobody_is_told_that_it_did(
    site: Site, model: str, action: str, path: str
) -> None:
    await site.sign_up()
    before = await _rows(site)
    site.forget()
    site.witness.forbidden = (model, action)
    body = {"name": "Eve", "theme": "dark", "password": PASSWORD, "newPassword": OTHER}
    body |= {"currentPassword": PASSWORD}
    answer = await (site.sign_up() if action == "create" else site.post(path, **body))
    assert (answer.status_code, answer.json()) == (403, {"message": "Not this one"})
    assert site.witness.happened() == set()
    assert await _rows(site) == before


async def _rows(site: Site) -> list[Any]:
    tables = ('"user"', "account", "session")
    return [
        [row[0] for row in await site.pool.fetch(f"SELECT t::text FROM {t} t ORDER BY id")]
        for t in tables
    ]


async def test_a_servers_own_hooks_come_after_its_plugins(site: Site) -> None:
    order: list[str] = []

    def hook(name: str) -> DatabaseHook:
        async def note(_: RowChange) -> None:
            order.append(name)

        return DatabaseHook(model="user", action="create", before=note)

    options = BetterAuthOptions(
        secret="tests-only-5f0c8e7d6b1a4293a8c6e0d1",
        base_url=BASE_URL,
        plugins=(Plugin(id="a", database_hooks=[hook("plugin")]),),
        database_hooks=(hook("application"),),
        user=UserOptions(additional_fields=PLAN),
        session=SessionOptions(additional_fields=THEME),
    )
    api = BetterAuth(options, site.pool).api
    await api.sign_up_email(name="Ada", email=new_email(), password=PASSWORD)
    assert order == ["plugin", "application"]


async def test_what_follows_an_error_follows_it_without_http_too(site: Site) -> None:
    emails: list[EmailLink] = []

    async def mail(link: EmailLink) -> None:
        emails.append(link)

    options = BetterAuthOptions(
        secret="tests-only-5f0c8e7d6b1a4293a8c6e0d1",
        base_url=BASE_URL,
        email_and_password=EmailAndPasswordOptions(require_email_verification=True, password=QUICK),
        email_verification=EmailVerificationOptions(
            send_verification_email=mail, send_on_sign_in=True, send_on_sign_up=False
        ),
        user=UserOptions(additional_fields=PLAN),
        session=SessionOptions(additional_fields=THEME),
    )
    await site.sign_up()
    with pytest.raises(APIError, match="EMAIL_NOT_VERIFIED"):
        await BetterAuth(options, site.pool).api.sign_in_email(email=site.email, password=PASSWORD)
    assert [link.user.email for link in emails] == [site.email]


async def test_of_two_who_use_up_a_link_one_is_told(site: Site) -> None:
    await site.sign_up()
    await site.post("request-password-reset", email=site.email)
    site.forget()
    token = site.emails[-1].token
    for status in (200, 400):
        answer = await site.post("reset-password", token=token, newPassword=OTHER)
        assert answer.status_code == status
    assert site.witness.told.count(("after", "verification", "delete")) == 1
