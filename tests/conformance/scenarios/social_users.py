"""Who somebody is that comes back from a provider: new, known, linked, or not let in."""

from tests.conformance.model import Sql, email, get, post, scenario, session, sign_in, signed_up
from tests.support.fake_provider import Script

from .social import (
    LIST,
    STATEMENTS,
    after,
    back,
    begin,
    by_provider,
    linking,
    script,
    verified,
)

SCENARIOS = [
    scenario(
        "somebody new signs up, then in",
        begin(newUserCallbackURL="/welcome", save="ada_begun"),
        back(script("ada", "ada_begun"), begun="ada_begun", save="ada"),
        after(),
        begin(newUserCallbackURL="/welcome", save="again"),
        back(script("ada", "again", name="Other", email=email("other")), begun="again", save="ada"),
        after(),
        by_provider("bob", verified=False),
        by_provider("bob", verified=True, name="Bobby"),
        by_provider("cleo", email_verified="true", name=None, picture="https://x.example/p.png"),
        by_provider("dora", email=email("DORA"), name=""),
        sign_in("ada", name="no password"),
        setting="social",
    ),
    scenario(
        "providers that let nobody new in, or only on request",
        begin("closed", errorCallbackURL="/oops"),
        back(provider="closed"),
        begin("closed", requestSignUp=True),
        back(provider="closed"),
        begin("asking"),
        back(provider="asking"),
        begin("asking", requestSignUp=True),
        back(provider="asking", save="ada"),
        after(),
        begin("asking"),
        back(provider="asking", save="ada"),
        after(),
        setting="social",
    ),
    scenario(
        "the provider's data replaces the user's where it may",
        by_provider("ada", "overriding"),
        begin("overriding"),
        back(
            script("ada", name="New", picture="https://x.example/new.png", verified=False),
            provider="overriding",
            save="ada",
        ),
        after(),
        begin("overriding"),
        back(
            script("ada", name="New", email=email("moved"), verified=False),
            provider="overriding",
            save="ada",
        ),
        after(),
        setting="social",
    ),
    *(
        scenario(
            f"an address that has a password, {kind} ({setting})",
            signed_up(),
            verified() if here else (),
            begin(provider, errorCallbackURL="/oops"),
            back(script("ada", verified=there), provider=provider, save="ada"),
            session(),
            begin(provider, errorCallbackURL="/oops"),
            back(script("ada", verified=there), provider=provider, save="ada"),
            sign_in(save="ada"),
            after(),
            setting=setting,
        )
        for setting in ("social", "lax social")
        for provider in ("fake", "trusted")
        for here in (True, False)
        for there in (True, False)
        for kind in [f"verified here: {here}, there: {there}, {provider}"]
    ),
    scenario(
        "somebody links another account",
        signed_up(),
        linking(),
        back(save="x"),
        session(),
        get(LIST, "two accounts", cookie="<<ada.cookie>>"),
        linking(scopes=["calendar"]),
        back(script(name="Other")),
        get(LIST, "still two accounts", cookie="<<ada.cookie>>"),
        by_provider("ada"),
        signed_up("bob"),
        linking("bob", errorCallbackURL="/oops"),
        back(script("ada", email=email("bob")), name="ada's account"),
        linking("bob", errorCallbackURL="/oops"),
        back(script("bob", email=email("other")), name="another address"),
        linking("bob", errorCallbackURL="/oops"),
        back(script("bob", email=None), name="no address"),
        linking("bob", errorCallbackURL="/oops"),
        back(script("bob", verified=False), name="not verified"),
        linking("bob", "trusted"),
        back(script("bob", verified=False), provider="trusted", name="not verified, but trusted"),
        get(LIST, "bob's accounts", cookie="<<bob.cookie>>"),
        linking("bob", errorCallbackURL="/oops"),
        post("/sign-out", cookie="<<bob.cookie>>"),
        back(script("bob"), name="signed out meanwhile"),
        setting="social",
    ),
    scenario(
        "somebody links another account under lax rules",
        signed_up(),
        linking(),
        back(script(name="Changed", email=email("other"), picture="https://x.example/p.png")),
        after(),
        signed_up("bob"),
        linking("bob"),
        back(script("bob", email=None, email_verified=True), name="no address"),
        after("bob"),
        setting="lax social",
    ),
    scenario(
        "an account without an address",
        begin(errorCallbackURL="/oops"),
        back(
            Script(
                claims={"sub": "x-<<here>>", "nonce": "<<a.nonce>>"},
                userinfo={"sub": "x-<<here>>", "name": "X"},
            )
        ),
        begin(errorCallbackURL="/oops"),
        back(
            Script(
                claims={"sub": "x-<<here>>", "nonce": "<<a.nonce>>"},
                userinfo={"sub": "another", "email": email()},
            )
        ),
        begin(errorCallbackURL="/oops"),
        back(Script(claims={"sub": "x-<<here>>", "nonce": "<<a.nonce>>"}, info="html error")),
        begin(),
        back(
            Script(
                claims={"sub": "x-<<here>>", "nonce": "<<a.nonce>>"},
                userinfo={
                    "sub": "x-<<here>>",
                    "name": "X",
                    "email": email(),
                    "email_verified": True,
                    "picture": "https://x.example",
                },
            ),
            save="ada",
        ),
        after(),
        setting="social",
    ),
    *(
        scenario(
            f"a provider that answers with {kind}",
            begin(errorCallbackURL="/oops"),
            back(given),
            setting="social",
        )
        for kind, given in {
            "a wrong nonce": script(nonce="wrong"),
            "no nonce": script(nonce=None),
            "another audience": script(aud="another"),
            "another issuer": script(iss="https://evil.example"),
            "an old token": script(iat=1, exp=2),
            "a token without end": script(exp=None),
            "a token of no time": script(iat=None),
            "no subject": script(sub=None),
            "no signature": Script(claims=script().claims, sign="none"),
            "a signature by the public key": Script(claims=script().claims, sign="HS256"),
            "a stranger's signature": Script(claims=script().claims, sign="stranger"),
            "an algorithm it does not have": Script(claims=script().claims, sign="PS256"),
            "no ID token that is one": Script(token={"id_token": "x"}),
            "an error": Script(answer="denied"),
            "an error and 200": Script(answer="denied like GitHub"),
            "a page": Script(answer="html"),
            "an error page": Script(answer="html error"),
            "a redirect": Script(answer="redirect"),
            "doubt about the verifier": Script(challenge="another"),
        }.items()
    ),
    scenario(
        "an account that is there twice",
        by_provider(),
        Sql(STATEMENTS["double"], ("fake", "ada-<<here>>")),
        begin(errorCallbackURL="/oops"),
        back(),
        setting="social",
    ),
    scenario(
        "sign-in with an ID token",
        by_provider(),
        Sql(STATEMENTS["copy the ID token"], (email(),)),
        session("ada", save="copied"),
        *(
            begin(provider, save="ada", idToken={"token": "<<copied.name>>", **more})
            for provider, more in (
                ("fake", {}),
                ("fake", {"nonce": "<<ada_begun.nonce>>"}),
                ("fake", {"nonce": "wrong"}),
                ("fake", {"accessToken": "access", "refreshToken": "refresh", "expiresAt": 1}),
                ("closed", {}),
                ("asking", {}),
                ("trusted", {}),
                ("google", {}),
            )
        ),
        after(),
        linking("ada", idToken={"token": "<<copied.name>>"}),
        linking("ada", idToken={"token": "<<copied.name>>", "nonce": "wrong"}),
        linking("ada", "asking", idToken={"token": "<<copied.name>>", "refreshToken": "r"}),
        linking("ada", "github", idToken={"token": "<<copied.name>>"}),
        signed_up("bob"),
        linking("bob", idToken={"token": "<<copied.name>>"}),
        linking("bob", "closed", idToken={"token": "<<copied.name>>"}),
        after(),
        setting="social",
    ),
    scenario(
        "a session that is not remembered stays so",
        signed_up(),
        sign_in(save="short", rememberMe=False),
        begin(),
        back(script("bob"), cookie="<<a.state_cookie>>; <<short.remember>>", save="bob"),
        after("bob"),
        setting="social",
    ),
]
