"""The plugin `organization` beyond the comparison: races, calls from Python, options."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

import pytest
from fastapi import FastAPI

from authward import APIError, ConfigurationError
from authward.plugins import OrganizationOptions, bearer, create_access_control, jwt, organization
from authward.plugins.organization import (
    DynamicAccessControlOptions,
    OrganizationEvent,
    OrganizationHooks,
    TeamOptions,
    default_ac,
)
from authward.plugins.organization.store import membership_key
from authward.plugins.schema_options import TableOptions
from tests.conftest import CreateDatabase, new_email
from tests.support.factories import Browser, signed_in
from tests.support.plugin_site import site_with

LIMITS = OrganizationOptions(
    ac=default_ac,
    organization_limit=2,
    membership_limit=3,
    invitation_limit=3,
    teams=TeamOptions(enabled=True, maximum_teams=2, maximum_members_per_team=2),
    dynamic_access_control=DynamicAccessControlOptions(
        enabled=True, maximum_roles_per_organization=1
    ),
)


def serving(url: str, options: OrganizationOptions) -> AbstractAsyncContextManager[FastAPI]:
    return site_with(url, (jwt(), bearer(), organization(options)))


@pytest.fixture(scope="module")
async def app(create_database: CreateDatabase) -> AsyncIterator[FastAPI]:
    async with serving(await create_database(), LIMITS) as app:
        yield app


async def made(owner: Browser) -> dict[str, Any]:
    """An organization of somebody's."""
    answer = await owner.post("organization/create", name="Org", slug=f"s-{new_email()}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def join(app: FastAPI, org: dict[str, Any], who: Browser, role: str = "member") -> None:
    await app.state.better_auth.api.organization_add_member(
        user_id=who.user["id"], organization_id=org["id"], role=role
    )


async def invited(owner: Browser, who: Browser) -> str:
    answer = await owner.post("organization/invite-member", email=who.email, role="member")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def count(app: FastAPI, table: str, column: str, value: str) -> int:
    row = await app.state.database.fetchrow(
        f'SELECT count(*) FROM "{table}" WHERE "{column}" = $1', value
    )
    return int(row[0])


async def test_an_invitation_is_accepted_once(app: FastAPI, ada: Browser) -> None:
    async with signed_in(app) as bob:
        org = await made(ada)
        body = {"invitationId": await invited(ada, bob)}
        answers = await asyncio.gather(
            *(bob.post("organization/accept-invitation", **body) for _ in range(5))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]
        assert await count(app, "member", "organizationId", org["id"]) == 2


async def test_no_more_members_come_at_once_than_there_may_be(app: FastAPI, ada: Browser) -> None:
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(signed_in(app)) for _ in range(3)]
        org = await made(ada)
        ids = [await invited(ada, each) for each in people]
        accepting = zip(people, ids, strict=True)
        answers = await asyncio.gather(
            *(p.post("organization/accept-invitation", invitationId=i) for p, i in accepting)
        )
        assert sorted(answer.status_code for answer in answers) == [200, 200, 403]
        assert await count(app, "member", "organizationId", org["id"]) == 3
        # Who was refused may still come when there is room.
        assert await count(app, "invitation", "status", "pending") >= 1


async def test_of_many_organizations_at_once_with_one_slug_there_is_one(app: FastAPI) -> None:
    slug = f"s-{new_email()}"
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(signed_in(app)) for _ in range(4)]
        answers = await asyncio.gather(
            *(each.post("organization/create", name="Org", slug=slug) for each in people)
        )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_nobody_makes_more_organizations_at_once_than_they_may(ada: Browser) -> None:
    answers = await asyncio.gather(
        *(ada.post("organization/create", name="Org", slug=f"s-{new_email()}") for _ in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 200, 403, 403, 403]


async def test_two_owners_who_leave_at_once_leave_one(app: FastAPI, ada: Browser) -> None:
    async with signed_in(app) as bob:
        org = await made(ada)
        await join(app, org, bob, "owner")
        body = {"organizationId": org["id"]}
        leaving = [each.post("organization/leave", **body) for each in (ada, bob)]
        answers = await asyncio.gather(*leaving)
        assert sorted(answer.status_code for answer in answers) == [200, 400]
        assert await count(app, "member", "organizationId", org["id"]) == 1


async def test_one_address_is_invited_once(app: FastAPI, ada: Browser) -> None:
    await made(ada)
    body = {"email": new_email(), "role": "member"}
    answers = await asyncio.gather(
        *(ada.post("organization/invite-member", **body) for _ in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]


async def test_teams_and_roles_keep_their_limits(app: FastAPI, ada: Browser) -> None:
    await made(ada)
    teams = [ada.post("organization/create-team", name="T") for _ in range(3)]
    answers = await asyncio.gather(*teams)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400]
    roles = [
        ada.post("organization/create-role", role=name, permission={"ac": ["read"]})
        for name in ("a", "b", "c")
    ]
    answers = await asyncio.gather(*roles)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400]


async def test_a_team_is_never_too_full(app: FastAPI, ada: Browser) -> None:
    async with signed_in(app) as bob, signed_in(app) as cid:
        org = await made(ada)
        for each in (bob, cid):
            await join(app, org, each)
        team = (await ada.get("organization/list-teams")).json()[0]["id"]
        answers = await asyncio.gather(
            *(
                ada.post("organization/add-team-member", teamId=team, userId=each.user["id"])
                for each in (bob, cid)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 403]
        assert await count(app, "teamMember", "teamId", team) == 2


async def test_a_role_gives_nothing_that_whoever_makes_it_does_not_have(
    app: FastAPI, ada: Browser
) -> None:
    async with signed_in(app) as bob:
        await join(app, await made(ada), bob, "admin")
        await bob.post("organization/set-active", organizationId=(await made_of(ada)))
        permission = {"organization": ["delete"], "member": ["create"]}
        answer = await bob.post("organization/create-role", role="boss", permission=permission)
        assert answer.status_code == 403
        assert answer.json()["missingPermissions"] == ["organization:delete"]


async def made_of(owner: Browser) -> str:
    return str((await owner.get("organization/get-organization")).json()["id"])


async def test_what_is_no_permission_in_the_database_allows_nothing(
    app: FastAPI, ada: Browser
) -> None:
    org = await made(ada)
    insert = (
        'INSERT INTO "organizationRole" (id, "organizationId", role, permission, "createdAt") '
        "VALUES ($1, $2, 'broken', $3, now())"
    )
    for number, text in enumerate(("no JSON", "[]", '{"member": "create"}', '{"member": [7]}')):
        await app.state.database.fetch(insert, f"{org['id']}{number}", org["id"], text)
    async with signed_in(app) as bob:
        await join(app, org, bob, "broken")
        await bob.post("organization/set-active", organizationId=org["id"])
        wanted = {"member": ["create"]}
        answer = await bob.post("organization/has-permission", permissions=wanted)
        assert (answer.status_code, answer.json()["success"]) == (200, False)


async def test_whoever_is_deleted_is_in_no_organization(app: FastAPI, ada: Browser) -> None:
    org = await made(ada)
    assert (await ada.post("delete-user")).status_code == 200
    assert await count(app, "member", "organizationId", org["id"]) == 0


async def test_the_application_itself_makes_organizations_and_members(
    app: FastAPI, ada: Browser
) -> None:
    api = app.state.better_auth.api
    slug = f"s-{new_email()}"
    org = await api.organization_create(name="Org", slug=slug, user_id=ada.user["id"])
    assert org["members"][0]["userId"] == ada.user["id"]
    async with signed_in(app) as bob:
        await join(app, org, bob)
        with pytest.raises(APIError, match="already a member"):
            await join(app, org, bob)
    found = await api.organization_list_user_invitations(query={"email": new_email()})
    assert found == []
    with pytest.raises(APIError) as refused:
        await api.organization_create(name="Org", slug=f"s-{new_email()}")
    assert refused.value.status == 401


async def test_nobody_becomes_a_member_by_http(ada: Browser) -> None:
    org = await made(ada)
    body = {"userId": ada.user["id"], "role": "owner", "organizationId": org["id"]}
    assert (await ada.post("organization/add-member", **body)).status_code == 404


async def test_hooks_change_and_forbid(create_database: CreateDatabase) -> None:
    async def rename(event: OrganizationEvent) -> dict[str, Any]:
        assert event.user is not None
        return {"name": f"{(event.organization or {})['name']}, of {event.user.name}"}

    async def forbid(event: OrganizationEvent) -> None:
        raise APIError(403, message="Not here")

    hooks = OrganizationHooks(before_create_organization=rename, before_delete_organization=forbid)
    options = OrganizationOptions(organization_hooks=hooks)
    async with serving(await create_database(), options) as app, signed_in(app) as ada:
        org = await made(ada)
        assert org["name"] == "Org, of Ada"
        answer = await ada.post("organization/delete", organizationId=org["id"])
        assert (answer.status_code, answer.json()["message"]) == (403, "Not here")


async def test_functions_say_who_may_and_how_many(create_database: CreateDatabase) -> None:
    async def only_ada(user: Any) -> bool:
        return bool(user.email != "nobody")

    async def one(_: OrganizationEvent) -> int:
        return 1

    async def reached(_: Any) -> bool:
        return True

    choices = {
        "allow_user_to_create_organization": (only_ada, 200),
        "organization_limit": (reached, 403),
        "membership_limit": (one, 200),
        "invitation_limit": (one, 200),
    }
    for name, (function, status) in choices.items():
        options = OrganizationOptions(**{name: function})  # type: ignore[arg-type]
        async with serving(await create_database(), options) as app, signed_in(app) as ada:
            body = {"name": "Org", "slug": f"s-{new_email()}"}
            assert (await ada.post("organization/create", **body)).status_code == status


AC = create_access_control({"organization": ["update"]})
WRONG: dict[str, dict[str, Any]] = {
    "teams": {"teams": {"enabled": True}},
    "dynamic_access_control needs ac": {
        "dynamic_access_control": DynamicAccessControlOptions(enabled=True)
    },
    "invitation_expires_in": {"invitation_expires_in": 0},
    "creator_role": {"creator_role": "owner,admin"},
    "before_add_member": {"organization_hooks": OrganizationHooks(before_add_member=True)},  # type: ignore[arg-type]
    "the role 'x'": {"roles": {"x": 1}},
    "no table": {"schema": {"team": TableOptions()}},
    "no field": {"schema": {"member": TableOptions(fields={"rank": "x"})}},
}


@pytest.mark.parametrize("named", WRONG)
def test_options_that_cannot_work_are_refused_by_name(named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        organization(OrganizationOptions(**WRONG[named]))


def test_the_key_of_a_membership_is_the_originals() -> None:
    """Sha-256 of the JSON of both ids, in base64url without padding: computed by the original."""
    assert membership_key("team", "user") == "cy-aL4Hyy0ZpbsKvA-WS2vxsgu95oYS20GSp_4_KdCQ"
