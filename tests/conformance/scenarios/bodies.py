"""Request bodies as bytes: content types, JSON that is none, encodings, sizes."""

import gzip
import json
from collections.abc import Iterator
from typing import Any, Final

from tests.conformance.model import TOO_LONG, Call, Step, post, scenario, session, signed_up
from tests.conftest import PASSWORD

# Valid in everything but the password's length: PASSWORD_TOO_LONG means that the body was read.
CHEAP: Final = {"name": "B", "email": "b.<<here>>@example.com", "password": TOO_LONG}
TEXT: Final = json.dumps(CHEAP).encode()
FIXED: Final = TEXT.replace(b"<<here>>", b"x")
SIGN_UP: Final = "/sign-up/email"
SIGN_IN: Final = "/sign-in/email"
LARGE: Final = 900_000
MANY: Final = json.dumps({f"k{number}": number for number in range(50_000)}).encode()
DEEP: Final = 100_000
BOM: Final = b"\xef\xbb\xbf"
FORM: Final = "application/x-www-form-urlencoded"
NO_MORE: Final = "nothing is nested this deep on purpose"

CONTENT_TYPES: Final = (
    "application/json",
    "APPLICATION/JSON",
    "Application/Json; Charset=UTF-8",
    "application/json;charset=utf-8",
    "application/json; charset=latin1",
    'application/json; charset="utf-8"',
    "application/json;",
    "application/json ; x=y",
    "application/json, text/plain",
    "application/json text/plain",
    "application/jsonp",
    "application/vnd.api+json",
    "application/problem+json",
    "text/json",
    "text/plain",
    "text/plain;charset=UTF-8",
    "text/html",
    "application/octet-stream",
    "application/xml",
    "application/pdf",
    "image/png",
    "multipart/form-data; boundary=x",
    "json",
    "*/*",
    ";",
    FORM,
    f"{FORM}; charset=UTF-8",
)

TEXTS: Final[dict[str, bytes]] = {
    "an empty body": b"",
    "white space": b"  \n ",
    "a lone brace": b"{",
    "a lone bracket": b"[",
    "an empty array": b"[]",
    "an array of the body": b"[" + TEXT + b"]",
    "a string": b'"x"',
    "an empty string": b'""',
    "a number": b"5",
    "zero": b"0",
    "null": b"null",
    "true": b"true",
    "false": b"false",
    "NaN": b"NaN",
    "undefined": b"undefined",
    "white space around": b" \r\n\t" + TEXT + b" \n",
    "a vertical tab around": b"\x0b" + TEXT,
    "a trailing comma": TEXT[:-1] + b",}",
    "a comment": TEXT[:-1] + b"/* x */}",
    "single quotes": TEXT.replace(b'"', b"'"),
    "no quotes around keys": TEXT.replace(b'"name"', b"name"),
    "two objects": TEXT + TEXT,
    "garbage behind": TEXT + b"x",
    "the end missing": TEXT[:-1],
    "NaN inside": TEXT[:-1] + b',"x":NaN}',
    "Infinity inside": TEXT[:-1] + b',"x":Infinity}',
    "minus Infinity inside": TEXT[:-1] + b',"x":-Infinity}',
    "1e999 inside": TEXT[:-1] + b',"x":1e999}',
    "minus zero inside": TEXT[:-1] + b',"x":-0}',
    "a leading zero inside": TEXT[:-1] + b',"x":01}',
    "a leading plus inside": TEXT[:-1] + b',"x":+1}',
    "a lone dot inside": TEXT[:-1] + b',"x":1.}',
    "a huge number inside": TEXT[:-1] + b',"x":' + b"9" * 5000 + b"}",
    "a raw line break in a string": TEXT[:-1] + b',"x":"a\nb"}',
    "a raw NUL in a string": TEXT[:-1] + b',"x":"a\x00b"}',
    "an unknown escape": TEXT[:-1] + b',"x":"\\x41"}',
    "half an escape": TEXT[:-1] + b',"x":"\\u12"}',
    "a lone surrogate": TEXT[:-1] + b',"x":"\\ud800"}',
    "an escaped key": TEXT.replace(b'"name"', b'"\\u006eame"'),
    "the name twice, the last is right": b'{"name":5,' + TEXT[1:],
    "the name twice, the last is wrong": TEXT[:-1] + b',"name":5}',
    "the address twice": TEXT[:-1] + b',"email":"nonsense"}',
    "a byte order mark": BOM + TEXT,
    "invalid UTF-8 in a string": TEXT[:-1] + b',"x":"\xff\xfe"}',
    "invalid UTF-8 outside": b"\xff" + TEXT,
    "UTF-16": json.dumps(CHEAP).encode("utf-16"),
    "Latin-1": TEXT[:-1] + b',"x":"caf\xe9"}',
    "overlong UTF-8": TEXT[:-1] + b',"x":"\xc0\xaf"}',
    "a surrogate in UTF-8": TEXT[:-1] + b',"x":"\xed\xa0\x80"}',
}

FORMS: Final[dict[str, bytes]] = {
    "everything": b"name=F&email=f.<<here>>%40example.com&password=" + b"p" * 129,
    "plus signs": b"name=F+G&email=f+g.<<here>>%40example.com&password=" + b"p" * 129,
    "a raw at sign": b"name=F&email=f.<<here>>@example.com&password=" + b"p" * 129,
    "the address twice": b"name=F&email=no&email=f.<<here>>@example.com&password=" + b"p" * 129,
    "no password": b"name=F&email=f.<<here>>@example.com",
    "an empty password": b"name=F&email=f.<<here>>@example.com&password=",
    "an empty form": b"&",
    "no sign of equality": b"name",
    "rememberMe=false": b"rememberMe=false&name=F&email=f.<<here>>@example.com&password=12345678",
    "a bad escape": b"name=%zz&email=f.<<here>>@example.com&password=" + b"p" * 129,
    "bytes that are no UTF-8": b"name=%ff&email=f.<<here>>@example.com&password=" + b"p" * 129,
    "JSON in its place": TEXT,
    "brackets": b"name[]=F&email=f.<<here>>@example.com&password=" + b"p" * 129,
    "an evil callbackURL": b"callbackURL=https://evil.example&name=F&email=f@example.com",
}


def texts(path: str) -> Iterator[Call]:
    for name, body in TEXTS.items():
        yield post(path, name, body=body)
    yield post(path, "two marks", body=BOM * 2 + TEXT, refusable="one byte order mark is enough")


def chunked(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (*parts, b""))


def names(label: str, raw: bytes, **more: Any) -> tuple[Step, ...]:
    """Sign-ups whose name is these raw bytes of JSON text, and what the session says then."""
    body = b'{"name":"%s","email":"%s.<<here>>@example.com","password":"%s"}'
    filled = body % (raw, label.replace(" ", "-").encode(), PASSWORD.encode())
    return (post(SIGN_UP, label, body=filled, save="a", **more),)


SCENARIOS = [
    scenario("sign-up reads JSON as the original does", texts(SIGN_UP)),
    scenario("sign-in reads JSON as the original does", texts(SIGN_IN)),
    *(
        scenario(
            f"{path[1:]} takes these content types and no others",
            (post(path, kind, body=TEXT, content_type=kind) for kind in CONTENT_TYPES),
            post(path, "none", body=TEXT, content_type=None),
            post(path, "an empty one", body=TEXT, content_type=""),
            post(path, "no body, no type"),
            post(path, "no body, JSON", headers=(("content-type", "application/json"),)),
            post(path, "no body, text", headers=(("content-type", "text/plain"),)),
            post(path, "an empty body, no type", body=b"", content_type=None),
            post(path, "an empty body, text", body=b"", content_type="text/plain"),
        )
        for path in (SIGN_UP, SIGN_IN)
    ),
    *(
        scenario(
            f"{path[1:]} takes forms",
            (post(path, name, body=body, content_type=FORM) for name, body in FORMS.items()),
        )
        for path in (SIGN_UP, SIGN_IN)
    ),
    scenario(
        "a form can sign up and sign in",
        post(
            SIGN_UP,
            "sign up",
            body=b"name=F+G&email=f.<<here>>%40example.com&password=12345678",
            content_type=FORM,
            save="f",
        ),
        session("f"),
        post(
            SIGN_IN,
            "sign in",
            body=b"email=f.<<here>>%40example.com&password=12345678&callbackURL=%2Fhome",
            content_type=FORM,
        ),
    ),
    scenario(
        "other endpoints take no forms",
        signed_up(),
        *(
            post(path, content_type=FORM, body=b"a=b", cookie="<<ada.cookie>>")
            for path in ("/update-user", "/change-password", "/delete-user", "/get-session")
        ),
        post("/sign-out", content_type=FORM, body=b"a=b", cookie="<<ada.cookie>>"),
    ),
    scenario(
        "chunked bodies are read",
        post(
            SIGN_IN,
            "two chunks",
            body=chunked(FIXED[:9], FIXED[9:]),
            headers=(("transfer-encoding", "chunked"),),
        ),
        post(SIGN_IN, "no chunk", body=chunked(), headers=(("transfer-encoding", "chunked"),)),
    ),
    *(
        scenario(
            f"{path[1:]} takes no compressed body",
            (
                post(
                    path,
                    f"{coding} {kind}",
                    body=gzip.compress(text, mtime=0),
                    content_type=kind,
                    headers=(("content-encoding", coding),),
                )
                for coding in ("gzip", "br", "identity, gzip")
                for kind, text in (("application/json", FIXED), (FORM, FORMS["brackets"]))
            ),
            post(path, "identity", body=TEXT, headers=(("content-encoding", "identity"),)),
        )
        for path in (SIGN_UP, SIGN_IN, "/sign-out")
    ),
    scenario(
        "deep JSON does no harm",
        post(SIGN_IN, "deep arrays", body=b"[" * DEEP + b"]" * DEEP, refusable=NO_MORE),
        post(SIGN_IN, "deep objects", body=b'{"a":' * DEEP + b"1" + b"}" * DEEP, refusable=NO_MORE),
        post(SIGN_IN, "deep and broken", body=b"[" * DEEP, refusable=NO_MORE),
        post(
            SIGN_IN,
            "deep inside",
            body=TEXT[:-1] + b',"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
            refusable=NO_MORE,
        ),
    ),
    scenario(
        "large bodies do no harm",
        post(SIGN_IN, "900 kB in a string", body=TEXT[:-1] + b',"x":"' + b"x" * LARGE + b'"}'),
        post(SIGN_UP, "900 kB of white space", body=b" " * LARGE),
        post(SIGN_IN, "many keys", body=MANY),
    ),
    scenario(
        "names keep their characters",
        names("plain", b"Ada"),
        names("escaped", rb"\u0041da \ud83e\udd8a"),
        names("lone surrogate", rb"a\ud800b", refusable="there is no such character"),
        names("lone low surrogate", rb"a\udc00b", refusable="there is no such character"),
        names("nul", rb"a\u0000b"),
        names("controls", rb"\u0001\u001f\u007f"),
        names("invalid utf8", b"a\xffb", refusable="this is no UTF-8"),
        names("bidi", "a\u202eb\u200bc".encode()),
        names("slashes", rb"a\/b\\c\"d"),
    ),
]
