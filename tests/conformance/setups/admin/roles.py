"""Who is an admin, and what a role may do."""

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

from .common import (
    ENDPOINTS,
    ID,
    PATH,
    STRICT,
    STRICT_WANTED,
    _wrong_types,
    an_admin,
    ask,
    create,
    update,
    user,
    users,
    with_role,
)


def _about_roles() -> list[Scenario]:
    return [
        scenario(
            "admin: set-role",
            an_admin(),
            signed_up("bob"),
            *(
                ask("set-role", {**ID, "role": value})
                for value in ("admin", "user", "nothing", "", "a,b", ["admin", "user"], [], ["x"])
            ),
            user("bob"),
            ask("set-role", {"userId": "nobody", "role": "admin"}),
            ask("set-role", {"userId": "NUL\0", "role": "admin"}),
            ask("set-role", {**ID, "role": "NUL\0"}),
            ask("set-role", {**ID, "role": "user"}, by="bob"),
            ask("set-role", {"userId": "<<ada.id>>", "role": "user"}, "ada demotes herself"),
            ask("set-role", {**ID, "role": "admin"}, "no admin any more"),
            session("ada"),
            setting="admin",
        ),
        scenario(
            "admin: roles of one's own",
            with_role("ada", "boss"),
            with_role("bob", "guard,clerk"),
            with_role("cid", "guest"),
            signed_up("dan"),
            *(
                ask("set-role", {"userId": "<<dan.id>>", "role": value})
                for value in ("boss", "admin", "user", ["guard", "clerk"], ["guard", "x"], "a,b")
            ),
            user("dan", by="bob"),
            users(by="bob", searchValue="<<here>>", sortBy="name"),
            users(by="cid", searchValue="<<here>>"),
            ask("ban-user", {"userId": "<<cid.id>>"}, by="bob"),
            ask("set-role", {"userId": "<<cid.id>>", "role": "guest"}, by="bob"),
            ask("impersonate-user", {"userId": "<<ada.id>>"}, "a boss, without it", by="bob"),
            ask("impersonate-user", {"userId": "<<dan.id>>"}, "whoever is no boss", by="bob"),
            ask("impersonate-user", {"userId": "<<dan.id>>"}, "a boss may"),
            create(by="bob", who="eve"),
            create(by="bob", who="eve", role="guest"),
            create(by="bob", who="fay", data={"banned": True}),
            create(by="cid", who="gus"),
            create(by="ada", who="gus", role="admin"),
            create(by="ada", who="gus", role=["guard", "clerk"]),
            update({"role": "boss"}, "dan", by="bob"),
            update({"role": "none"}, "dan"),
            update({"role": ["guard", "guest"]}, "dan"),
            update({"email": "x@example.com"}, "dan", by="bob"),
            update({"emailVerified": True}, "dan", by="bob"),
            update({"phoneNumber": "1"}, "dan", by="bob"),
            update({"banReason": "x"}, "dan", by="bob"),
            update({"name": "Dan the Man"}, "dan", by="bob"),
            update({"name": "Dan the Man"}, "dan", by="cid"),
            *(
                ask("has-permission", {"permissions": wanted}, by=who)
                for who in ("ada", "bob", "cid", "dan")
                for wanted in STRICT_WANTED
            ),
            setting=STRICT,
        ),
        scenario(
            "admin: whoever is named in the options",
            Sql(
                'INSERT INTO "user" (id, name, email, "emailVerified") '
                "VALUES ('the-chosen-one', 'One', 'one@example.com', true) ON CONFLICT DO NOTHING"
            ),
            Sql(
                'INSERT INTO session (id, token, "userId", "expiresAt", "updatedAt") VALUES '
                "($1, $1, 'the-chosen-one', now() + interval '1 hour', now())",
                ("x" * 12 + "<<here>>",),
            ),
            with_role("bob", "guard"),
            *(
                get(path, path, headers=(("authorization", f"Bearer {'x' * 12}<<here>>"),))
                for path in ("/admin/get-user?id=<<bob.id>>", "/get-session")
            ),
            ask("impersonate-user", {"userId": "the-chosen-one"}, by="bob"),
            ask("ban-user", {"userId": "the-chosen-one"}, by="bob"),
            setting=STRICT,
        ),
        scenario(
            "admin: nobody else may do any of it",
            an_admin(),
            signed_up("bob"),
            signed_up("cid"),
            *(ask(name, body, f"{name} by a user", by="cid") for name, body in ENDPOINTS.items()),
            users(by="cid"),
            user("bob", by="cid"),
            *(post(PATH + name, f"{name} by nobody", json=b) for name, b in ENDPOINTS.items()),
            get("/admin/list-users", "the list for nobody"),
            get("/admin/get-user?id=<<bob.id>>", "a user for nobody"),
            post("/admin/stop-impersonating", "stops without a session", json={}),
            *(
                ask(name, body, f"{name} from elsewhere", origin="https://evil.example")
                for name, body in ENDPOINTS.items()
            ),
            *(
                ask(name, body, f"{name} from nowhere", origin=None)
                for name, body in ENDPOINTS.items()
            ),
            *(
                get(PATH + name, f"{name}: GET", cookie="<<ada.cookie>>")
                for name in (*ENDPOINTS, "stop-impersonating")
            ),
            ask("list-users", {}, "list-users: POST"),
            ask("get-user", {}, "get-user: POST"),
            Sql(
                "UPDATE session SET \"expiresAt\" = now() - interval '1 s' WHERE token = $1",
                ("<<ada.token>>",),
            ),
            ask("set-role", ENDPOINTS["set-role"], "with a session that is over"),
            setting="admin",
        ),
        *(
            scenario(
                f"admin: wrong types, {name}",
                an_admin(),
                signed_up("bob"),
                *_wrong_types(name),
                setting="admin",
            )
            for name in ENDPOINTS
        ),
    ]


SCENARIOS: Final = _about_roles()
