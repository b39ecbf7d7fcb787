"""Additional fields of users and sessions: what may be given, what is kept, what is seen."""

from typing import Any, Final

from tests.conformance.model import (
    Call,
    Scenario,
    post,
    scenario,
    session,
    sign_in,
    sign_up,
)

DATE: Final = "2020-02-29T12:00:00.000Z"
GIVEN: Final[dict[str, Any]] = {
    "nickname": "Countess",
    "plan": "paid",
    "secret": "hidden",
    "age": 36,
    "isBot": False,
    "since": DATE,
    "tags": ["a", "b"],
    "marks": [1, 2.5],
    "settings": {"dark": True, "size": 5},
    "kind": "cat",
}
NOT_STORED: Final = "the original answers 500, because PostgreSQL refuses it"


def change(who: str, label: str, **body: Any) -> Call:
    return post("/update-user", label, json=body, cookie=f"<<{who}.cookie>>")


def change_session(who: str, label: str, **body: Any) -> Call:
    return post("/update-session", label, json=body, cookie=f"<<{who}.cookie>>")


SCENARIOS: list[Scenario] = [
    scenario(
        "fields: nothing given",
        sign_up("ada"),
        session("ada"),
        sign_in("ada"),
        setting="fields",
    ),
    scenario(
        "fields: everything given",
        sign_up("ada", **GIVEN),
        session("ada"),
        sign_in("ada", save="again"),
        session("again"),
        setting="fields",
    ),
    scenario(
        "fields: each is null",
        *(sign_up(f"{name}-null", **{name: None}) for name in GIVEN),
        setting="fields",
    ),
    scenario(
        "fields: what may not be given",
        sign_up("role", role="admin"),
        sign_up("norole", role=None),
        sign_up("emptyrole", role=""),
        sign_up("level", level=9),
        sign_up("verified", emailVerified=True),
        sign_up("id", id="mine"),
        sign_up("unknown", unknown="x"),
        setting="fields",
    ),
    scenario(
        "fields: other types that PostgreSQL reads",
        sign_up("a", nickname=7),
        sign_up("b", nickname=True),
        sign_up("c", age="36"),
        sign_up("d", isBot="true"),
        sign_up("e", isBot="f"),
        sign_up("f", kind="bird"),
        sign_up("g", nickname=1.5),
        sign_up("h", settings='{"written": 1}'),
        setting="fields",
    ),
    scenario(
        "fields: other types that PostgreSQL refuses",
        sign_up("a", age="old"),
        sign_up("b", age=1.5),
        sign_up("c", age=2**31),
        sign_up("d", isBot="perhaps"),
        sign_up("e", nickname="a\0b"),
        sign_up("f", settings="no JSON"),
        setting="fields",
    ),
    scenario(
        "fields: changes",
        sign_up("ada"),
        change("ada", "one", nickname="Countess"),
        session("ada", "after one"),
        change("ada", "all", **GIVEN),
        session("ada", "after all"),
        change("ada", "with the name", name="Bea", nickname=None),
        session("ada", "after the name"),
        change("ada", "role", role="admin"),
        change("ada", "no role", role=None),
        change("ada", "level", level=9),
        change("ada", "level and nickname", level=0, nickname="Ada"),
        change("ada", "unknown", unknown=1),
        change("ada", "secret", secret="other"),
        session("ada", "in the end"),
        setting="fields",
    ),
    scenario(
        "fields: of the session",
        sign_up("ada"),
        sign_in("ada"),
        session("ada", "a new session"),
        change_session("ada", "device", device="phone"),
        session("ada", "after the device"),
        change_session("ada", "two", device=None, theme="dark"),
        change_session("ada", "hidden", hidden="x"),
        change_session("ada", "fixed", fixed="x"),
        change_session("ada", "nothing known", unknown=1),
        change_session("ada", "nothing"),
        session("ada", "in the end"),
        post("/update-session", "without session", json={"device": "phone"}),
        setting="fields",
    ),
    scenario(
        "fields: a required one",
        sign_up("ada"),
        sign_up("bob", code=""),
        sign_up("cid", code="x"),
        sign_up("dan", code=None),
        session("cid"),
        change("cid", "nothing for it", name="Cid"),
        setting="required field",
    ),
]
