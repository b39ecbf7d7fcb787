"""Bans, sessions that end, and admins who are somebody else for a while."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    Sql,
    get,
    post,
    scenario,
    session,
    sign_in,
    signed_up,
)

from .common import ID, PERMISSION_BODIES, STRICT, an_admin, ask, user, with_role


def _about_bans() -> list[Scenario]:
    return [
        scenario(
            "admin: bans",
            an_admin(),
            signed_up("bob"),
            ask("ban-user", ID),
            session("bob", "bob's session after the ban"),
            sign_in("bob", save="none"),
            sign_in("bob", name="a wrong password", password="wrong password"),
            ask("ban-user", {**ID, "banReason": "spam", "banExpiresIn": 3600}, "another ban"),
            sign_in("bob", name="still", save="none"),
            Sql(
                'UPDATE "user" SET "banExpires" = now() - interval \'1 s\' WHERE id = $1',
                ("<<bob.id>>",),
            ),
            user("bob"),
            sign_in("bob", name="it is over", save="bob"),
            session("bob", "bob's session after it is over"),
            ask("unban-user", ID, "nothing to take back"),
            ask("ban-user", ID, "a third ban"),
            ask("unban-user", ID, "taken back"),
            sign_in("bob", name="after it", save="bob"),
            *(
                ask("ban-user", {**ID, "banExpiresIn": value})
                for value in (0, -60, 0.5, 1e30, None, "60")
            ),
            *(ask("ban-user", {**ID, "banReason": value}) for value in ("", None, "NUL\0")),
            ask("ban-user", {"userId": "<<ada.id>>"}, "herself"),
            ask("ban-user", {"userId": "nobody"}),
            ask("unban-user", {"userId": "nobody"}),
            ask("unban-user", {"userId": "<<ada.id>>"}, "herself, back"),
            setting="admin",
        ),
        scenario(
            "admin: bans in words of one's own",
            with_role("ada", "boss"),
            signed_up("bob"),
            ask("ban-user", ID),
            sign_in("bob", save="none"),
            sign_in("bob", name="a wrong password", password="wrong password"),
            ask("ban-user", {**ID, "banReason": "spam", "banExpiresIn": 60}),
            sign_in("bob", name="another reason", save="none"),
            Sql(
                'UPDATE "user" SET "banExpires" = now() - interval \'1 s\' WHERE id = $1',
                ("<<bob.id>>",),
            ),
            sign_in("bob", name="it is over", save="bob"),
            session("bob"),
            setting=STRICT,
        ),
        scenario(
            "admin: impersonation",
            an_admin(),
            an_admin("eve"),
            signed_up("bob"),
            ask("impersonate-user", {"userId": "nobody"}),
            ask("impersonate-user", {"userId": "<<eve.id>>"}, "another admin"),
            ask("impersonate-user", {"userId": "<<ada.id>>"}, "herself"),
            ask("stop-impersonating", {}, "stops what has not begun"),
            ask("impersonate-user", ID, save="as"),
            session("as"),
            session("ada", "her own session goes on"),
            get("/list-sessions", "bob's sessions", cookie="<<bob.cookie>>"),
            ask("list-user-sessions", ID, "as an admin sees them"),
            ask("set-role", {**ID, "role": "admin"}, "as bob, an admin's", by="as"),
            ask("stop-impersonating", {}, "without the admin's cookie", by="as"),
            post(
                "/admin/stop-impersonating",
                "with another's cookie",
                json={},
                cookie="<<as.cookie>>; better-auth.admin_session=<<eve.signed>>",
            ),
            post(
                "/admin/stop-impersonating",
                "and back",
                json={},
                cookie="<<as.cookie>>; <<as.set.better-auth.admin_session>>",
                save="back",
            ),
            session("as", "the impersonation is over"),
            session("back"),
            sign_in("ada", save="short", rememberMe=False),
            post(
                "/admin/impersonate-user",
                "from a session that is not remembered",
                json=ID,
                cookie="<<short.cookie>>; <<short.remember>>",
                save="as2",
            ),
            post(
                "/admin/stop-impersonating",
                "and back to it",
                cookie="<<as2.cookie>>; <<as2.remember>>; <<as2.set.better-auth.admin_session>>",
                save="back2",
            ),
            ask("ban-user", ID),
            ask("impersonate-user", ID, "whoever is banned"),
            setting="admin",
        ),
        scenario(
            "admin: an impersonation whose admin has gone",
            an_admin(),
            signed_up("bob"),
            ask("impersonate-user", ID, save="as"),
            Sql("DELETE FROM session WHERE token = $1", ("<<ada.token>>",)),
            post(
                "/admin/stop-impersonating",
                "to a session that has ended",
                cookie="<<as.cookie>>; <<as.set.better-auth.admin_session>>",
            ),
            session("as", "the impersonation goes on"),
            Sql('DELETE FROM "user" WHERE id = $1', ("<<ada.id>>",)),
            post(
                "/admin/stop-impersonating",
                "to nobody",
                cookie="<<as.cookie>>; <<as.set.better-auth.admin_session>>",
            ),
            setting="admin",
        ),
        scenario(
            "admin: impersonation of a boss, and its length",
            with_role("ada", "boss"),
            with_role("bob", "boss"),
            with_role("cid", "guard"),
            ask("impersonate-user", ID, "she may do even that", save="as"),
            session("as"),
            ask("impersonate-user", ID, "he may not", by="cid"),
            ask(
                "impersonate-user", {"userId": "<<cid.id>>"}, "as bob, further", by="as", save="as2"
            ),
            session("as2"),
            setting=STRICT,
        ),
        scenario(
            "admin: has-permission",
            an_admin(),
            signed_up("bob"),
            *(
                ask("has-permission", body, by=by)
                for by in ("ada", "bob")
                for body in PERMISSION_BODIES
            ),
            setting="admin",
        ),
    ]


SCENARIOS: Final = _about_bans()
