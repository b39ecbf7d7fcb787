"""What the host does with keys, and how they are verified."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    Sql,
    scenario,
    signed_up,
)

from .common import DAY, PLAIN, _any, create, host, see, verify


def _of_the_host() -> list[Scenario]:
    return [
        scenario(
            "api keys: the host makes and verifies them",
            signed_up(),
            host("createApiKey"),
            host("createApiKey", userId=""),
            host(
                "createApiKey",
                save="key",
                userId="<<ada.id>>",
                remaining=2,
                permissions={"tasks": ["read", "write"], "files": ["read"]},
                rateLimitMax=50,
            ),
            verify(permissions={"tasks": ["read"]}),
            *(
                verify(permissions=wanted)
                for wanted in _any(
                    {"tasks": ["delete"]},
                    {"nothing": ["read"]},
                    {"tasks": []},
                    {},
                    {"tasks": ["read"], "files": ["write"]},
                )
            ),
            verify(permissions={"tasks": ["write"], "files": ["read"]}),
            verify(),
            verify(),
            host("verifyApiKey", key=""),
            host("verifyApiKey", key="x" * 64),
            host("verifyApiKey", key="NUL\0"),
            host("verifyApiKey"),
            host("verifyApiKey", key=7),
            host("verifyApiKey", key="x", permissions=7),
            host("verifyApiKey", key="x", permissions={"a": "b"}),
            host("deleteAllExpiredApiKeys"),
            setting=PLAIN,
        ),
        scenario(
            "api keys: refills",
            signed_up(),
            host("createApiKey", userId="<<ada.id>>", refillAmount=7),
            host("createApiKey", userId="<<ada.id>>", refillInterval=7),
            host(
                "createApiKey",
                save="key",
                userId="<<ada.id>>",
                remaining=1,
                refillAmount=3,
                refillInterval=60_000,
            ),
            verify(),
            verify(),
            Sql(
                "UPDATE apikey SET \"createdAt\" = now() - interval '2 minutes' WHERE id = $1",
                ("<<key.id>>",),
            ),
            verify(),
            verify(),
            verify(),
            verify(),
            Sql(
                "UPDATE apikey SET \"lastRefillAt\" = date_trunc('second', now())"
                " - interval '2 minutes' WHERE id = $1",
                ("<<key.id>>",),
            ),
            verify(),
            host("updateApiKey", keyId="<<key.id>>", userId="<<ada.id>>", remaining=7),
            host("updateApiKey", keyId="<<key.id>>", userId="<<ada.id>>", refillAmount=7),
            host("updateApiKey", keyId="<<key.id>>", userId="<<ada.id>>", refillInterval=7),
            host("updateApiKey", keyId="<<key.id>>", userId="nobody", remaining=7),
            host("updateApiKey", keyId="<<key.id>>", remaining=7),
            host("updateApiKey", keyId="<<key.id>>", userId="<<ada.id>>"),
            host(
                "updateApiKey",
                keyId="<<key.id>>",
                userId="<<ada.id>>",
                refillAmount=2,
                refillInterval=5,
                rateLimitMax=100,
                rateLimitTimeWindow=5_000,
                rateLimitEnabled=False,
                permissions={"tasks": ["read"]},
            ),
            verify(permissions={"tasks": ["read"]}),
            host("updateApiKey", keyId="<<key.id>>", userId="<<ada.id>>", permissions=None),
            verify(permissions={"tasks": ["read"]}),
            setting=PLAIN,
        ),
        scenario(
            "api keys: rate limits and ends",
            signed_up(),
            host(
                "createApiKey",
                save="key",
                userId="<<ada.id>>",
                rateLimitMax=2,
                rateLimitTimeWindow=600_000,
            ),
            verify(),
            verify(),
            Sql(
                "UPDATE apikey SET \"lastRequest\" = now() - interval '11 minutes' WHERE id = $1",
                ("<<key.id>>",),
            ),
            verify(),
            verify(),
            see(),
            host("createApiKey", save="free", userId="<<ada.id>>", rateLimitEnabled=False),
            *(verify("free") for _ in range(12)),
            Sql(
                'UPDATE apikey SET "rateLimitMax" = NULL, "rateLimitEnabled" = true WHERE id = $1',
                ("<<free.id>>",),
            ),
            verify("free"),
            create(save="short", expiresIn=DAY),
            Sql(
                "UPDATE apikey SET \"expiresAt\" = now() - interval '1 minute' WHERE id = $1",
                ("<<short.id>>",),
            ),
            verify("short"),
            verify("short"),
            setting=PLAIN,
        ),
    ]


SCENARIOS: Final = _of_the_host()
