"""The list of users: searched, filtered, sorted, in pages."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    Sql,
    email,
    scenario,
    session,
    sign_in,
    signed_up,
)

from .common import ID, an_admin, ask, here, role, users


def _about_lists() -> list[Scenario]:
    by_name = {"sortBy": "name"}
    return [
        scenario(
            "admin: list-users",
            an_admin(),
            *(signed_up(who) for who in ("bob", "cid", "dan", "eve")),
            role("bob", "user"),
            role("eve", "a_b%c"),
            Sql('UPDATE "user" SET banned = true WHERE id = $1', ("<<cid.id>>",)),
            Sql('UPDATE "user" SET nickname = $2 WHERE id = $1', ("<<cid.id>>", "c")),
            here(**by_name),
            here(**by_name, sortDirection="desc"),
            here(**by_name, limit=2),
            here(**by_name, limit=2, offset=1),
            here(**by_name, limit=2, offset=10),
            here(sortBy="email", sortDirection="asc"),
            here(sortBy="nothing"),
            here(sortBy="", filterField="name", filterValue="Bob"),
            here(sortBy="role,name"),
            *(here(**by_name, limit=value) for value in ("", "0", "x", "1.5", "-1", "1e0", " 2 ")),
            *(here(**by_name, limit=value) for value in ("0x2", "Infinity", "NaN", "+2", "2.0")),
            *(here(**by_name, limit="2", offset=value) for value in ("", "0", "x", "-1", "1.5")),
            here(limit=[1, 2]),
            here(sortDirection="up"),
            *(
                users(searchValue=f"<<here>>{more}", **by_name)
                for more in ("@", "@example.com", "nothing")
            ),
            *(
                users(
                    searchValue=value,
                    searchOperator=operator,
                    filterValue="<<here>>",
                    filterOperator="contains",
                    **by_name,
                )
                for operator in ("contains", "starts_with", "ends_with")
                for value in ("bob.", "@example.com", "b.<<here>>", "B")
            ),
            users(searchValue="Bo", searchField="name", filterValue=email("bob")),
            users(searchValue="bo", searchField="name", filterValue=email("bob")),
            users(searchField="role", searchValue="x"),
            users(searchOperator="eq", searchValue="x"),
            users(filterValue=email("bob")),
            users(filterValue="<<bob.id>>", filterField="id"),
            users(filterValue=""),
            users(searchValue=email("bob"), filterField="name"),
            users(filterOperator="like", filterValue="x"),
            users(filterField="nothing", filterValue="x"),
            *(
                here(filterField=field, filterOperator=operator, filterValue=value, **by_name)
                for operator in ("eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in")
                for field, value in (
                    ("role", "user"),
                    ("name", "Cid"),
                    ("banned", "true"),
                    ("banned", "false"),
                    ("banned", "x"),
                    ("nickname", "c"),
                    ("createdAt", "2020-01-01T00:00:00.000Z"),
                    ("createdAt", "x"),
                )
            ),
            *(
                here(
                    filterField="name",
                    filterOperator=operator,
                    filterValue=["Bob", "Cid"],
                    **by_name,
                )
                for operator in ("eq", "in", "not_in", "contains", "lt")
            ),
            *(
                here(filterField=field, filterOperator=operator, filterValue="a", **by_name)
                for operator in ("contains", "starts_with", "ends_with")
                for field in ("name", "role", "banned", "createdAt", "email")
            ),
            setting="admin",
        ),
        scenario(
            "admin: sessions of users",
            an_admin(),
            signed_up("bob"),
            sign_in("bob", save="again"),
            sign_in("bob", save="third", rememberMe=False),
            ask("list-user-sessions", ID),
            ask("list-user-sessions", {"userId": "nobody"}),
            ask("list-user-sessions", {"userId": "NUL\0"}),
            ask("revoke-user-session", {"sessionToken": "<<again.token>>"}),
            ask("revoke-user-session", {"sessionToken": "<<again.token>>"}, "again"),
            ask("revoke-user-session", {"sessionToken": "NUL\0"}),
            session("again"),
            session("bob"),
            ask("revoke-user-sessions", ID),
            session("bob", "bob's session in the end"),
            session("third"),
            ask("revoke-user-sessions", {"userId": "nobody"}),
            ask("revoke-user-sessions", {"userId": "<<ada.id>>"}, "her own"),
            session("ada"),
            setting="admin",
        ),
    ]


SCENARIOS: Final = _about_lists()
