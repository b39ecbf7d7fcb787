"""Keys with every option, and sessions by keys."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    Sql,
    get,
    post,
    scenario,
    session,
    signed_up,
)

from .common import DAY, STRICT, _any, by_key, create, host, listed, see, update, verify


def _strict_ones() -> list[Scenario]:
    bearer = (("x-key", "<<key.key>>"),)
    return [
        scenario(
            "strict api keys: what clients choose",
            signed_up(),
            create(),
            create(name="ab"),
            create(name="abc", metadata={"a": [1, 2.5, None, True, "ñ"], "b": {"c": {}}}),
            see(),
            create(save="no", name="x" * 9),
            create(save="no", name="abc", prefix="a"),
            create(save="no", name="abc", prefix="abcde"),
            create(save="no", name="abc", prefix="abcd"),
            create(save="no", name="abc", expiresIn=DAY / 2 - 1),
            create(save="no", name="abc", expiresIn=DAY / 2),
            create(save="no", name="abc", expiresIn=DAY * 2 + 1),
            *(
                create(save="no", name="abc", metadata=value)
                for value in _any(*([], {}, "", 0, False, None, "x", 7, True))
            ),
            *(
                update(metadata=value)
                for value in _any(*({"a": 1}, [], {}, None, "x", 0, False, "", {"ISO": "never"}))
            ),
            update(name="ab"),
            update(name="abcd", enabled=True),
            see(),
            Sql(
                "UPDATE keys SET metadata = $2 WHERE id = $1",
                ("<<key.id>>", '"{\\"twice\\":true}"'),
            ),
            see(),
            see(),
            listed(sortBy="createdAt", limit=1),
            verify(permissions={"tasks": ["read"]}),
            verify(permissions={"tasks": ["write"]}),
            host("verifyApiKey", key="forbidden"),
            setting=STRICT,
        ),
        scenario(
            "strict api keys: a key stands for a session",
            signed_up(),
            signed_up("bob"),
            create(name="one"),
            by_key("/get-session"),
            by_key("/api-key/list?sortBy=createdAt", header="x-other-key"),
            by_key("/update-user", json={"name": "By key"}),
            by_key("/get-session"),
            create(name="two", save="two"),
            get("/get-session", "bob's cookie", headers=(("x-key", "<<two.key>>"),)),
            get(
                "/get-session",
                "a key and bob's cookie",
                cookie="<<bob.cookie>>",
                headers=(("x-key", "<<two.key>>"),),
            ),
            create(name="three", save="three"),
            *(
                get("/ok", f"a key is counted anywhere: {n}", headers=(("x-key", "<<three.key>>"),))
                for n in range(4)
            ),
            *(
                get("/get-session", f"no key: {key}", headers=(("x-key", key),))
                for key in ("x", "x" * 20, "x" * 64, "forbidden" * 9)
            ),
            session("ada"),
            create(name="four", save="four"),
            update("four", enabled=False),
            by_key("/get-session", "four"),
            create(name="five", save="five"),
            Sql(
                "UPDATE keys SET \"expiresAt\" = now() - interval '1 minute' WHERE id = $1",
                ("<<five.id>>",),
            ),
            by_key("/get-session", "five"),
            create(name="six", save="six"),
            Sql("UPDATE keys SET owner = 'nobody' WHERE id = $1", ("<<six.id>>",)),
            by_key("/get-session", "six"),
            setting=STRICT,
        ),
        scenario(
            "strict api keys: where no key will do",
            signed_up(),
            *(
                step
                for n, (path, body) in enumerate(
                    {
                        "/list-sessions": None,
                        "/revoke-session": {"token": "x"},
                        "/revoke-sessions": {},
                        "/revoke-other-sessions": {},
                        "/change-password": {"newPassword": "x" * 9, "currentPassword": "x" * 9},
                        "/verify-password": {"password": "x" * 9},
                        "/change-email": {"newEmail": "new.<<here>>@example.com"},
                        "/list-accounts": None,
                        "/unlink-account": {"providerId": "credential"},
                        "/link-social": {"provider": "nothing"},
                        "/token": None,
                        "/organization/list": None,
                        "/sign-out": {},
                        "/update-session": {"nothing": "x"},
                        "/delete-user": {},
                    }.items()
                )
                for step in (
                    create(name=f"key{n}"),
                    by_key(path) if body is None else by_key(path, json=body),
                )
            ),
            post("/api-key/create", "a key makes a key", json={"name": "abc"}, headers=bearer),
            setting=STRICT,
        ),
    ]


SCENARIOS: Final = _strict_ones()
