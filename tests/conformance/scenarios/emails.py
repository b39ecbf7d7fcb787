"""Which e-mail addresses are taken: the original's pattern, its spelling rules, lower case."""

from typing import Final

from tests.conformance.model import TOO_LONG, Call, post, scenario, session, sign_in
from tests.conftest import PASSWORD

# Each with a password that is too long: whoever gets PASSWORD_TOO_LONG had a valid address.
ADDRESSES: Final = (
    "a@b.co",
    "a@b.c",
    "a@b",
    "a@localhost",
    "@example.com",
    "a@",
    "a",
    "",
    "a@@b.co",
    "a@b@c.co",
    "first.last@example.com",
    ".first@example.com",
    "first.@example.com",
    "first..last@example.com",
    "first+tag@example.com",
    "first_last@example.com",
    "first-last@example.com",
    "-first@example.com",
    "+first@example.com",
    "_first@example.com",
    "first-@example.com",
    "first+@example.com",
    "first_@example.com",
    "o'neill@example.com",
    "'quoted'@example.com",
    '"quoted"@example.com',
    "a!b@example.com",
    "a#b@example.com",
    "a%b@example.com",
    "a/b@example.com",
    "a=b@example.com",
    "a?b@example.com",
    "a{b}@example.com",
    "a|b@example.com",
    "a~b@example.com",
    "a&b@example.com",
    "a*b@example.com",
    "a b@example.com",
    " a@example.com",
    "a@example.com ",
    "a@example.com\n",
    "\na@example.com",
    "a@example.com\r\n",
    "a@example.com\t",
    "a@example.com\u2028",
    "a\x00@example.com",
    "a@exa mple.com",
    "a@example..com",
    "a@.example.com",
    "a@example.com.",
    "a@-example.com",
    "a@example-.com",
    "a@exa-mple.com",
    "a@exa--mple.com",
    "a@exa_mple.com",
    "a@1.co",
    "a@123.com",
    "a@example.c0m",
    "a@example.123",
    "a@example.c-m",
    "a@127.0.0.1",
    "a@[127.0.0.1]",
    "a@[IPv6:::1]",
    "a@xn--bcher-kva.example",
    "a@bücher.example",
    "ä@example.com",
    "用户@example.com",
    "a@例え.jp",
    "🦊@example.com",
    "\uff21@example.com",
    "a@example。com",
    "\u0131@example.com",
    "K@example.com",
    "a@EXAMPLE.COM",
    "A@B.CO",
    "1@1.co",
    "a@a.b.c.d.e.f.example.com",
    "mailto:a@example.com",
    "<a@example.com>",
    "Ada <a@example.com>",
    "a@example.com,b@example.com",
    "a@example.com;b@example.com",
    "a(comment)@example.com",
    "a\\@example.com",
    "a@example.museum",
    "a" * 64 + "@example.com",
    "a" * 65 + "@example.com",
    "a@" + "b" * 63 + ".com",
    "a@" + "b" * 64 + ".com",
)
LONG: Final = "an address longer than any mail server takes is not stored"


def probe(path: str, address: str) -> Call:
    body = {"name": "A", "email": address, "password": TOO_LONG}
    return post(path, f"the address {address[:80]!r}", json=body)


def registered(address: str, **more: str) -> Call:
    body = {"name": "A", "email": address, "password": PASSWORD}
    return post("/sign-up/email", f"sign up {address[:80]!r}", json=body, save="a", **more)


SCENARIOS = [
    scenario(
        "sign-up knows an e-mail address", (probe("/sign-up/email", one) for one in ADDRESSES)
    ),
    scenario(
        "sign-in knows an e-mail address", (probe("/sign-in/email", one) for one in ADDRESSES)
    ),
    scenario(
        "addresses are kept in lower case",
        registered("Ada.LOVELACE.<<here>>@Example.COM"),
        session("a"),
        sign_in(email="ada.lovelace.<<here>>@example.com"),
        sign_in(email="ADA.LOVELACE.<<here>>@EXAMPLE.COM"),
        registered("ada.lovelace.<<here>>@example.com"),
    ),
    scenario(
        "addresses with quotes and signs are kept as they are",
        registered("o'neill+tag_<<here>>@sub-domain.example.com"),
        session("a"),
        sign_in(email="O'Neill+TAG_<<here>>@sub-domain.example.com"),
    ),
    scenario(
        "very long addresses are refused or kept whole",
        registered("x" * 250 + "<<here>>@example.com", refusable=LONG),
        registered("x" * 3000 + "<<here>>@example.com", refusable=LONG),
    ),
]
