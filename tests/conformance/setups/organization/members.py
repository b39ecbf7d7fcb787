"""Members, their roles, and how they leave."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    email,
    scenario,
    session,
    signed_up,
)

from .common import SLUG, WANTED, ask, create, joined, look


def _members() -> list[Scenario]:
    return [
        scenario(
            "organization: members",
            signed_up("ada"),
            create(),
            *joined("bob", "admin"),
            *joined("cid"),
            signed_up("eve"),
            session("bob", "the organization is bob's active one"),
            look("list-members", sortBy="createdAt"),
            look("list-members", sortBy="createdAt", sortDirection="desc", limit=1),
            look("list-members", sortBy="createdAt", limit=1, offset=1),
            look("list-members", filterField="role", filterValue="admin"),
            look("list-members", filterField="role", filterValue="a", filterOperator="contains"),
            look("list-members", filterField="nothing", filterValue="a"),
            look("list-members", sortBy="nothing"),
            look("list-members", organizationSlug=SLUG, sortBy="role", by="cid"),
            look("list-members", organizationSlug="nothing"),
            look("list-members", organizationId="nothing"),
            look("list-members", limit="x", sortBy="createdAt"),
            look("get-full-organization", by="cid"),
            look("get-active-member", by="bob"),
            look("get-active-member-role", by="bob"),
            look("get-active-member-role", by="bob", userId="<<ada.id>>"),
            look("get-active-member-role", by="bob", userId="<<eve.id>>"),
            look("get-active-member", by="eve"),
            look("get-active-member-role", by="eve"),
            look("list-members", by="eve"),
            *(
                ask(
                    "update-member-role",
                    {"memberId": f"<<in_{whom}.member.id>>", "role": role},
                    by=by,
                )
                for by, whom, role in (
                    ("cid", "cid", "admin"),
                    ("bob", "cid", "owner"),
                    ("bob", "cid", "nothing"),
                    ("bob", "cid", ["admin", " member"]),
                    ("bob", "cid", "member"),
                    ("bob", "cid", ""),
                    ("bob", "cid", []),
                    ("bob", "cid", " , "),
                    ("ada", "cid", "owner"),
                    ("bob", "cid", "member"),
                    ("cid", "cid", "member"),
                )
            ),
            ask("update-member-role", {"memberId": "nothing", "role": "member"}),
            ask("update-member-role", {"memberId": "<<org.members.0.id>>", "role": "member"}),
            ask("leave", {"organizationId": "<<org.id>>"}, "the only owner leaves"),
            ask("remove-member", {"memberIdOrEmail": email("ada")}),
            ask("remove-member", {"memberIdOrEmail": email("ada")}, by="bob"),
            ask("remove-member", {"memberIdOrEmail": email("bob")}, by="cid"),
            ask("remove-member", {"memberIdOrEmail": email("eve")}),
            ask("remove-member", {"memberIdOrEmail": "nothing"}),
            ask("remove-member", {"memberIdOrEmail": email("bob").upper()}, "in upper case"),
            session("bob", "it is bob's active one still"),
            look("get-active-member", by="bob"),
            look("get-organization", by="bob"),
            session("bob", "it is none of bob's any more"),
            ask("remove-member", {"memberIdOrEmail": "<<in_cid.member.id>>"}, by="cid"),
            ask("leave", {"organizationId": "<<org.id>>"}, by="cid"),
            session("cid"),
            ask("leave", {"organizationId": "<<org.id>>"}, by="cid"),
            look("list-members"),
            setting="organization",
        ),
        scenario(
            "organization: a member of another organization cannot be reached",
            signed_up("ada"),
            signed_up("eve"),
            create(),
            *joined("bob"),
            create(by="eve", slug="evil-<<here>>", save="evil"),
            *(
                ask(path, {**body, "organizationId": "<<evil.id>>"}, f"{path} in another", by="eve")
                for path, body in (
                    ("remove-member", {"memberIdOrEmail": "<<in_bob.member.id>>"}),
                    ("update-member-role", {"memberId": "<<in_bob.member.id>>", "role": "admin"}),
                )
            ),
            look("list-members"),
            setting="organization",
        ),
        scenario(
            "organization: permissions",
            signed_up("ada"),
            create(),
            *joined("bob", "admin"),
            *joined("cid"),
            *(
                ask("has-permission", body, by=by)
                for by in ("ada", "bob", "cid")
                for body in WANTED
            ),
            ask("has-permission", {"permissions": {"ac": ["read"]}, "organizationId": "nothing"}),
            ask("update", {"data": {"name": "x"}}, by="cid"),
            ask("update", {"data": {"name": "By Bob"}}, by="bob"),
            ask("delete", {"organizationId": "<<org.id>>"}, by="bob"),
            setting="organization",
        ),
    ]


SCENARIOS: Final = _members()
