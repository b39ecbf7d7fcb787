"""Users that admins make, see, change and remove."""

from typing import Final

from tests.conformance.model import (
    TOO_LONG,
    WRONG_TYPES,
    Scenario,
    email,
    get,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
    signed_up,
)

from .common import (
    ID,
    NO_ADDRESSES,
    NO_ROLES,
    NO_TIMES,
    NONSENSE,
    STRICT,
    an_admin,
    ask,
    create,
    here,
    update,
    user,
)


def _about_users() -> list[Scenario]:
    return [
        scenario(
            "admin: create-user",
            an_admin(),
            create(),
            sign_in("new", save="new"),
            session("new"),
            create("the same again"),
            create("in another case", email="NEW.<<here>>@example.com"),
            create(who="cid", password=""),
            sign_in("cid", password=""),
            ask("create-user", {"email": email("dan"), "name": "Dan"}, "without a password"),
            sign_in("dan"),
            create(who="eve", password="short"),
            sign_in("eve", password="short"),
            create(who="fay", password=TOO_LONG),
            create(who="gus", email="no address"),
            create(who="hal", role="admin"),
            create(who="ida", role=["admin", "user"]),
            create(who="jon", data={"role": "admin"}),
            create(who="kim", role="user", data={"role": "admin"}),
            create(who="lee", data={"role": None}),
            create(who="lee", data={"role": 7}),
            create(who="lee", data={"role": ["x", 7]}),
            create(
                who="moe",
                data={
                    "nickname": "m",
                    "image": "https://example.com/m.png",
                    "emailVerified": True,
                    "banned": True,
                    "banReason": "first",
                    "unknown": 1,
                    "name": "Other",
                    "email": "other@example.com",
                    "createdAt": "2020-01-02T03:04:05.678Z",
                },
            ),
            sign_in("moe"),
            create(who="ned", data={"id": "my-own-id", "password": "x"}),
            create(who="oli", name=""),
            here(sortBy="email"),
            setting="admin",
        ),
        scenario(
            "admin: update-user",
            an_admin(),
            signed_up("bob"),
            signed_up("cid"),
            update({"name": "Bob the Great", "image": "https://example.com/b.png"}),
            session("bob"),
            update({"nickname": "b", "unknown": 1}),
            update({"unknown": 1}),
            update({}),
            update({"password": "x"}),
            update({"id": "x"}),
            update({"role": "admin"}),
            update({"role": ["user", "other"]}),
            update({"role": []}),
            *(update({"role": value}) for value in NO_ROLES),
            update({"email": "Bob.New.<<here>>@Example.com"}),
            update({"email": email("cid")}),
            update({"email": "bob.new.<<here>>@example.com", "emailVerified": True}),
            *(update({"email": value}) for value in NO_ADDRESSES),
            update({"emailVerified": False}),
            update({"phoneNumber": "1"}),
            update({"banReason": "only a reason"}),
            update({"banned": True}, "ada"),
            update({"banned": "true"}, "bob", refusable=NONSENSE),
            session("bob"),
            update({"banned": True, "banReason": "spam"}),
            session("bob", "bob's session after the ban"),
            sign_in("bob", email="bob.new.<<here>>@example.com"),
            update({"banned": False, "banExpires": None, "banReason": None}),
            sign_in("bob", email="bob.new.<<here>>@example.com"),
            ask("update-user", {"userId": "nobody", "data": {"name": "x"}}),
            ask("update-user", {"userId": "NUL\0", "data": {"name": "x"}}),
            *(
                update({field: value}, refusable=NONSENSE)
                for field in ("name", "image", "nickname", "emailVerified", "banReason")
                for value in (*WRONG_TYPES.values(), "NUL\0")
            ),
            *(update({"banExpires": value}) for value in NO_TIMES),
            user("bob"),
            setting="admin",
        ),
        scenario(
            "admin: get-user",
            an_admin(),
            signed_up("bob"),
            user("bob"),
            user("ada"),
            *(
                get(f"/admin/get-user{query}", f"get-user{query}", cookie="<<ada.cookie>>")
                for query in ("", "?id=", "?id=nobody", "?id=%00", "?id=a&id=b", "?other=x")
            ),
            setting="admin",
        ),
        scenario(
            "admin: remove-user",
            an_admin(),
            signed_up("bob"),
            ask("remove-user", {"userId": "<<ada.id>>"}),
            ask("remove-user", {"userId": "nobody"}),
            ask("remove-user", ID),
            session("bob", "bob's session"),
            sign_in("bob"),
            ask("remove-user", ID, "again"),
            user("bob"),
            sign_up("bob"),
            setting="admin",
        ),
        scenario(
            "admin: set-user-password",
            an_admin(),
            signed_up("bob"),
            *(
                ask("set-user-password", {**ID, "newPassword": value})
                for value in ("another password", "short", "", TOO_LONG)
            ),
            ask("set-user-password", {"userId": "", "newPassword": ""}),
            ask("set-user-password", {"userId": "nobody", "newPassword": "another password"}),
            sign_in("bob", password="another password"),
            sign_in("bob", name="with the old one"),
            session("bob"),
            ask(
                "create-user", {"email": email("cid"), "name": "Cid"}, "a user without", save="cid"
            ),
            ask("set-user-password", {"userId": "<<cid.id>>", "newPassword": "the first one"}),
            sign_in("cid", password="the first one"),
            setting="admin",
        ),
        scenario(
            "admin: users who sign up have the default role",
            sign_up("ada"),
            session("ada"),
            sign_up("bob", role="admin"),
            sign_up("cid", banned=True),
            sign_up("dan", banReason="x"),
            post("/update-user", "a role", json={"role": "admin"}, cookie="<<ada.cookie>>"),
            post("/update-user", "no ban", json={"banned": False}, cookie="<<ada.cookie>>"),
            post("/update-session", "by", json={"impersonatedBy": "x"}, cookie="<<ada.cookie>>"),
            session("ada", "the session in the end"),
            setting="admin",
        ),
        scenario(
            "admin: users who sign up have a default role of one's own",
            sign_up("ada"),
            session("ada"),
            ask("has-permission", {"permissions": {"user": ["list"]}}),
            setting=STRICT,
        ),
    ]


SCENARIOS: Final = _about_users()
