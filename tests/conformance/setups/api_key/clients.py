"""What clients do with their keys."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    get,
    scenario,
    signed_up,
)

from .common import (
    BODY,
    DAY,
    PLAIN,
    _any,
    _singles,
    _wrong,
    ask,
    choices,
    create,
    listed,
    see,
    update,
    verify,
)


def _of_clients() -> list[Scenario]:
    return [
        scenario(
            "api keys: a life",
            signed_up(),
            signed_up("bob"),
            create(),
            see(),
            create(save="named", name="Mine", prefix="tasks_", expiresIn=DAY * 2),
            see("named"),
            see("named", configId="default"),
            see("named", configId="nothing"),
            listed(sortBy="createdAt"),
            listed(sortBy="createdAt", sortDirection="desc", limit=1),
            listed(sortBy="name", offset=1),
            listed(sortBy="createdAt", limit=0),
            listed(sortBy="createdAt", limit="1", offset="9"),
            listed(by="bob"),
            see(by="bob"),
            update(by="bob", name="stolen"),
            ask("delete", {"keyId": "<<key.id>>"}, by="bob"),
            update(name="Renamed"),
            update(enabled=False),
            verify(),
            update(enabled=True, expiresIn=DAY),
            update(expiresIn=None),
            verify(),
            verify(permissions={"tasks": ["read"]}),
            see(),
            ask("delete", {"keyId": "<<key.id>>"}),
            ask("delete", {"keyId": "<<key.id>>"}, "it is deleted"),
            verify(),
            see(),
            update(name="gone"),
            setting=PLAIN,
        ),
        scenario(
            "api keys: nobody",
            ask("create", {}, cookie=None),
            ask("create", {"name": "x"}, cookie="better-auth.session_token=x.y"),
            ask("create", {"remaining": 7}, cookie=None),
            ask("create", {"userId": "x"}, cookie=None),
            ask("update", {"keyId": "x"}, cookie=None),
            ask("update", {"keyId": "x", "userId": "x", "name": "y"}, cookie=None),
            ask("delete", {"keyId": "x"}, cookie=None),
            get("/api-key/get?id=x"),
            get("/api-key/list"),
            ask("create", {}, origin="http://evil.example"),
            ask("verify", {"key": "x"}),
            ask("delete-all-expired-api-keys", {}),
            get("/api-key/create"),
            setting=PLAIN,
        ),
        scenario(
            "api keys: what only the server may say",
            signed_up(),
            create(),
            *(
                call
                for each in _singles(
                    {
                        "remaining": 7,
                        "refillAmount": 7,
                        "refillInterval": 7,
                        "rateLimitMax": 7,
                        "rateLimitTimeWindow": 7,
                        "rateLimitEnabled": False,
                        "permissions": {"tasks": ["write"]},
                        "userId": "<<ada.id>>",
                    }
                )
                for call in (create(save="no", **each), update(**each))
            ),
            create(save="no", remaining=None),
            update(userId="somebody else"),
            update(),
            update(metadata={"kept": False}),
            setting=PLAIN,
        ),
        scenario(
            "api keys: limits of what clients choose",
            signed_up(),
            *(
                create(save="no", **each)
                for each in choices(
                    {
                        "name": ("", "x", "x" * 32, "x" * 33, "😀" * 16, "😀" * 17, "Zoë ñ"),
                        "prefix": ("", "x", "x" * 32, "x" * 33, "a b", "a_b-c", "é", "a\n"),
                        "expiresIn": (0, 0.5, 1, DAY - 1, DAY, DAY * 365, DAY * 365 + 1, 1e300, -1),
                        "metadata": ({}, [], {"a": 1}, "", 0, False, None, "x", 7, True),
                        "configId": ("", "default", "nothing"),
                        "organizationId": ("x", None),
                        "remaining": (-1, 0, None),
                        "refillAmount": (0, 1),
                    }
                )
            ),
            create(),
            *(
                update(**each)
                for each in choices(
                    {
                        "name": ("", "x", "x" * 33),
                        "expiresIn": (0, 1, DAY, DAY * 366, None),
                        "metadata": ({}, None, "x"),
                        "remaining": (0,),
                    }
                )
            ),
            ask("create", {"name": "NUL\0"}, refusable="PostgreSQL has no NUL"),
            see("key\0"),
            setting=PLAIN,
        ),
        scenario(
            "api keys: wrong types",
            signed_up(),
            create(),
            *_wrong("create", {}, BODY),
            *_wrong("update", {"keyId": "<<key.id>>"}, ("keyId", "enabled", *BODY)),
            *_wrong("delete", {"keyId": "<<key.id>>x"}, ("keyId", "configId")),
            *(
                update(permissions=value)
                for value in _any({"a": "b"}, {"a": [7]}, {"a": [], "b": [None, {}]})
            ),
            *(
                listed(**_singles({name: value})[0], sortBy="createdAt")
                for name in ("limit", "offset")
                for value in _any(
                    "",
                    "x",
                    "-1",
                    "1.5",
                    "-1.5",
                    "1e2",
                    "1e300",
                    ["1", "2"],
                    " 1 ",
                    "NaN",
                )
            ),
            listed(sortBy="nothing"),
            listed(sortBy=["name", "name"]),
            listed(sortDirection="up"),
            listed(configId=["a", "b"]),
            get("/api-key/get", cookie="<<ada.cookie>>"),
            get("/api-key/get?id=a&id=b", cookie="<<ada.cookie>>"),
            listed(organizationId="nothing"),
            setting=PLAIN,
        ),
    ]


SCENARIOS: Final = _of_clients()
