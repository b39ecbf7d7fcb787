"""Organizations are made, found, changed and deleted."""

from typing import Final

from tests.conformance.model import (
    Scenario,
    get,
    post,
    scenario,
    session,
    signed_up,
)

from .common import (
    ENDPOINTS,
    LOOKS,
    PATH,
    SLUG,
    _wrong_types,
    active,
    ask,
    create,
    invite,
    joined,
    look,
)


def _organizations() -> list[Scenario]:
    return [
        scenario(
            "organization: made, looked at, changed, deleted",
            signed_up("ada"),
            look("list"),
            look("get-organization"),
            look("get-full-organization"),
            ask("set-active", {}),
            active("ada", None),
            create(logo="https://example.com/l.png", metadata={"a": 1, "b": [1.5, None, "é"]}),
            session("ada"),
            create(),
            create(slug="second-<<here>>", keepCurrentActiveOrganization=True, save="second"),
            create(slug="third-<<here>>", logo=None, metadata={}, save="third"),
            session("ada", "the third is active"),
            look("list"),
            look("get-organization"),
            look("get-organization", organizationId="<<org.id>>"),
            look("get-organization", organizationSlug=SLUG),
            look("get-organization", organizationSlug="nothing"),
            look("get-organization", organizationId="nothing"),
            look("get-full-organization", organizationId="<<org.id>>"),
            look("get-full-organization", organizationSlug=SLUG, membersLimit=1),
            look("get-full-organization", organizationSlug=SLUG, membersLimit="x"),
            ask("check-slug", {"slug": SLUG}),
            ask("check-slug", {"slug": "free-<<here>>"}),
            ask("update", {"data": {"name": "New name"}}),
            ask("update", {"data": {"slug": SLUG}}),
            ask("update", {"data": {"slug": "third-<<here>>"}}),
            ask("update", {"data": {"metadata": {"x": {"y": 2}}, "logo": None}}),
            ask("update", {"data": {"other": 1, "name": "Newer"}}),
            ask("update", {"data": {"name": ""}}),
            ask("update", {"data": {"name": "x"}, "organizationId": "nothing"}),
            ask("set-active", {"organizationSlug": "second-<<here>>"}),
            ask("set-active", {}),
            ask("set-active", {"organizationId": "nothing"}),
            session("ada", "none is active after that"),
            ask("set-active", {"organizationSlug": "nothing"}),
            ask("update", {"data": {"name": "x"}}, "without an active one"),
            active("ada"),
            active("ada", None),
            active("ada"),
            ask("delete", {"organizationId": "<<org.id>>"}),
            ask("delete", {"organizationId": "<<org.id>>"}),
            ask("delete", {"organizationId": ""}),
            session("ada", "the active one is gone"),
            look("list"),
            setting="organization",
        ),
        *(
            scenario(
                f"organization: wrong types, {name}",
                signed_up("ada"),
                create(),
                *joined("bob"),
                signed_up("cid"),
                invite("cid"),
                *_wrong_types(name, body),
                setting="organization",
            )
            for name, body in ENDPOINTS.items()
        ),
        scenario(
            "organization: others may do nothing",
            signed_up("ada"),
            create(),
            *joined("bob"),
            signed_up("cid"),
            invite("cid"),
            signed_up("eve"),
            *(
                ask(name, body, f"{name} by another", by="eve")
                for name, body in ENDPOINTS.items()
                if name not in {"create", "check-slug"}
            ),
            *(look(path, by="eve", organizationId="<<org.id>>") for path in LOOKS),
            look("list-members", by="eve", organizationSlug=SLUG),
            look("get-organization", by="eve", organizationSlug=SLUG),
            look("get-full-organization", by="eve", organizationSlug=SLUG),
            look("get-active-member-role", by="eve", organizationSlug=SLUG),
            *(post(PATH + name, f"{name} by nobody", json=b) for name, b in ENDPOINTS.items()),
            *(get(PATH + path, f"{path} by nobody") for path in LOOKS),
            *(
                ask(name, body, f"{name} from elsewhere", origin="https://evil.example")
                for name, body in ENDPOINTS.items()
            ),
            ask("add-member", {"userId": "<<eve.id>>", "role": "owner"}, by="eve"),
            look("get-full-organization", by="ada"),
            setting="organization",
        ),
    ]


SCENARIOS: Final = _organizations()
