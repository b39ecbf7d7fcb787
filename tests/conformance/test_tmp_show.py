import anyio.to_thread
from .test_conformance import *
from .conversations import change_email, email_verification, password_reset
async def test_show(pair_for):
    for c in [*password_reset.CONVERSATIONS, *email_verification.CONVERSATIONS, *change_email.CONVERSATIONS]:
        if c.name in ("a forgotten password is replaced", "a verified address changes with two confirmations", "who must verify the address cannot sign in before","a user deletes the account with a mail"):
            pair = await pair_for(c.setting)
            shapes = await anyio.to_thread.run_sync(hold, c, pair[0], "x99")
            calls=[s for s in c.steps if isinstance(s, Call)]
            print("=====", c.name)
            for a, s in zip(calls, shapes): print("--", a.name, "|", s["status"], s["body"][:700], "|", s["location"], "|", s["set-cookie"][:90])
    n = [sum(isinstance(s, Call) for s in c.steps) for c in [*password_reset.CONVERSATIONS, *email_verification.CONVERSATIONS, *change_email.CONVERSATIONS]]
    print("TOTAL", len(n), sum(n))
