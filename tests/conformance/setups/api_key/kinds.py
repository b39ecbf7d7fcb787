"""Several kinds of keys, and those of organizations."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    Sql,
    post,
    scenario,
    signed_up,
)

from .common import DAY, KINDS, NAMED, ask, create, host, listed, see, update, verify


def _of_kinds() -> list[Scenario]:
    team = {"configId": "team", "organizationId": "<<team.id>>"}
    organize = post(
        "/organization/create",
        "ada founds a team",
        json={"name": "Team", "slug": "team-<<here>>"},
        cookie="<<ada.cookie>>",
        save="team",
    )
    member = (
        'INSERT INTO member (id, "organizationId", "userId", role, "createdAt")'
        " VALUES ($1, $2, $3, 'member', now())"
    )
    return [
        scenario(
            "kinds of api keys",
            signed_up(),
            create(),
            create(save="no", expiresIn=DAY),
            update(expiresIn=DAY),
            update(expiresIn=None),
            create(save="public", configId="public"),
            create(save="no", configId="nothing"),
            *(verify() for _ in range(11)),
            verify("public"),
            verify("public", configId="public"),
            verify("public", configId="default"),
            verify("key", configId="public"),
            verify("key", configId="nothing"),
            see("public"),
            see("public", configId="public"),
            see("key", configId="public"),
            listed(sortBy="createdAt"),
            listed(sortBy="createdAt", configId="public"),
            listed(sortBy="createdAt", configId="default"),
            listed(sortBy="createdAt", configId="nothing"),
            update("public", name="x"),
            update("public", name="x", configId="public"),
            ask("delete", {"keyId": "<<public.id>>"}),
            ask("delete", {"keyId": "<<public.id>>", "configId": "public"}),
            setting=KINDS,
        ),
        scenario(
            "kinds of api keys: an organization's",
            signed_up(),
            signed_up("bob"),
            signed_up("eve"),
            organize,
            Sql(member, ("<<bob.id>>m", "<<team.id>>", "<<bob.id>>")),
            create(configId="team"),
            create(**team),
            *(create(by=who, save="no", **team) for who in ("bob", "eve")),
            *(see(by=who, configId="team") for who in ("ada", "bob", "eve")),
            *(
                listed(by=who, organizationId="<<team.id>>", sortBy="createdAt")
                for who in ("ada", "bob", "eve")
            ),
            listed(sortBy="createdAt"),
            listed(configId="team"),
            listed(configId="public", organizationId="<<team.id>>"),
            *(update(by=who, configId="team", name="x") for who in ("ada", "bob", "eve")),
            verify(permissions={"string": ["read"]}),
            verify(configId="team"),
            *(
                ask("delete", {"keyId": "<<key.id>>", "configId": "team"}, by=who)
                for who in ("eve", "bob", "ada")
            ),
            setting=KINDS,
        ),
        scenario(
            "a named kind of api keys",
            signed_up(),
            create(save="no"),
            create(configId="only"),
            see(),
            see(configId="only"),
            update(name="x"),
            listed(),
            listed(configId="only"),
            ask("delete", {"keyId": "<<key.id>>"}),
            host("verifyApiKey", key="x", configId="only"),
            verify(configId="only"),
            setting=NAMED,
        ),
    ]


SCENARIOS: Final = _of_kinds()
