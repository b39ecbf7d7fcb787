"""GET /list-accounts, POST /unlink-account."""

from typing import Any, Final

from tests.conformance.model import (
    WRONG_TYPES,
    Call,
    Sql,
    get,
    post,
    scenario,
    session,
    sign_in,
    signed_up,
)

from .lists import created
from .session import aged
from .social import back, linking, script

LIST: Final = "/list-accounts"
UNLINK: Final = "/unlink-account"
LINKED: Final = (
    'insert into account (id, "accountId", "providerId", "userId", scope, "createdAt", "updatedAt")'
    " values ($1, 'x', $2, $3, $4, now(), now())"
)


def accounts(who: str = "ada", name: str = "", **more: Any) -> Call:
    return get(LIST, name or f"{who}'s accounts", **{"cookie": f"<<{who}.cookie>>", **more})


def linked(id: str, who: str = "ada", provider: str = "github", scope: str = "") -> Sql:  # noqa: A002
    return Sql(LINKED, (f"<<row.{id}>>", provider, f"<<{who}.id>>", scope))


def unlink(name: str, account: Any, who: str = "ada", **more: Any) -> Call:
    return post(
        UNLINK, name, json={"accountId": account}, **{"cookie": f"<<{who}.cookie>>", **more}
    )


SCENARIOS = [
    scenario(
        "list-accounts lists this user's",
        signed_up(),
        accounts(),
        linked("one", scope="a,b , c,,"),
        linked("two", provider="nobody"),
        signed_up("bob"),
        accounts(),
        accounts("bob"),
        accounts(headers=(("authorization", "Bearer <<ada.token>>"),), cookie="x=y"),
        get(f"{LIST}?providerId=github", "a query", cookie="<<ada.cookie>>"),
    ),
    scenario(
        "list-accounts needs a session, which may be old",
        get(LIST),
        get(LIST, "nonsense", cookie="better-auth.session_token=x"),
        post(LIST, json={}),
        signed_up(),
        created("2 days"),
        accounts(),
        aged("2 days"),
        accounts(name="slides"),
    ),
    scenario(
        "unlink-account",
        signed_up(),
        signed_up("bob"),
        linked("one"),
        linked("bobs", "bob"),
        unlink("unknown", "unknown"),
        unlink("another user's", "<<row.bobs>>"),
        unlink("by the provider's id", "x"),
        unlink("by the provider", "github"),
        unlink("empty", ""),
        unlink("mine", "<<row.one>>"),
        unlink("again", "<<row.one>>"),
        accounts(),
        accounts("bob"),
        linked("two"),
        unlink("NUL", "\x00"),
        unlink("a surrogate", "\ud800"),
        unlink("not from a trusted page", "<<row.two>>", origin="https://evil.example"),
        session(),
    ),
    scenario(
        "unlink-account keeps the last one",
        signed_up(),
        unlink("unknown", "unknown"),
        Sql('update account set id = $2 where "userId" = $1', ("<<ada.id>>", "<<row.last>>")),
        unlink("the last", "<<row.last>>"),
        accounts(),
        linked("one"),
        unlink("the password", "<<row.last>>"),
        accounts(),
        sign_in(name="no password any more"),
        Sql('delete from account where "userId" = $1', ("<<ada.id>>",)),
        unlink("none at all", "x"),
    ),
    scenario(
        "unlink-account checks its body",
        signed_up(),
        linked("one"),
        *(unlink(f"accountId is {kind}", value) for kind, value in WRONG_TYPES.items()),
        *(
            post(UNLINK, f"{kind} as the body", json=value, cookie="<<ada.cookie>>")
            for kind, value in WRONG_TYPES.items()
        ),
        post(UNLINK, "no body", cookie="<<ada.cookie>>"),
        post(UNLINK, "the old words", json={"providerId": "github"}, cookie="<<ada.cookie>>"),
        post(UNLINK, "text", body=b"x", content_type="text/plain", cookie="<<ada.cookie>>"),
    ),
    scenario(
        "unlink-account needs a fresh session",
        unlink("nobody", "x", cookie=None),
        unlink("nobody, a wrong type", 5, cookie=None),
        signed_up(),
        linked("one"),
        created("2 days"),
        unlink("two days", "<<row.one>>"),
        sign_in(save="new"),
        unlink("a new session", "<<row.one>>", "new"),
        accounts(),
    ),
    scenario(
        "unlink-account may take the last one under lax rules",
        signed_up(),
        linking(),
        back(script()),
        Sql(
            'update account set id = md5("providerId" || $2)::uuid where "userId" = $1',
            ("<<ada.id>>", "<<here>>"),
        ),
        unlink("the password", "<<row.credential>>"),
        unlink("the last", "<<row.fake>>"),
        accounts(),
        session(),
        setting="lax social",
    ),
]
