"""Tokens that a server must not accept, in every form known."""

import hmac
import json
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from authward.security.cookies import CookieSigner
from authward.security.jwt import TokenSigner
from tests.conftest import BASE_URL, TRUSTED_ORIGIN

KEY = "tests-only-9c1f3a7e5b2d48606f0d7b"


USER = "user_of_the_token_tests"


HEADER = '{"alg":"HS256","typ":"JWT"}'


INVALID = 'Bearer error="invalid_token", error_description="Invalid token"'


EXPIRED = 'Bearer error="invalid_token", error_description="Token expired"'


ODD = b'{"sub":"a","exp":99999999999,"x":"???>>>~~~~"}'  # its base64 has +, / and padding


DEEP = "[" * 1500 + "]" * 1500


RSA_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMOCayNWpuse+5PZJ3FSlt/GBRURU+4M
H6WhJRU74D+CrnGC//tmgzcUn0GvAmzbRD38Iuk9QB1rS5ErtmUZrssCAwEAAQ==
-----END PUBLIC KEY-----
"""


@dataclass(frozen=True)
class Forger:
    """Makes tokens with the server's own secret: the signature is right, the rest need not be."""

    key: str

    def payload(self, **changes: str | None) -> str:
        """Good claims with changes, each as JSON text; None leaves a claim out."""
        now = int(time.time())
        good = {"sub": f'"{USER}"', "iat": str(now), "exp": str(now + 600)}
        claims = {**good, "iss": f'"{BASE_URL}"', "aud": f'"{BASE_URL}"', **changes}
        return "{" + ",".join(f'"{k}":{v}' for k, v in claims.items() if v is not None) + "}"

    def token(self, **changes: str | None) -> str:
        return self.sign(HEADER, self.payload(**changes))

    def sign(
        self, header: str | bytes, payload: str | bytes, key: str | None = None, by: str = "sha256"
    ) -> str:
        return self.with_signature(f"{segment(header)}.{segment(payload)}", key, by)

    def with_signature(self, signed: str, key: str | None = None, by: str = "sha256") -> str:
        mac = hmac.digest((self.key if key is None else key).encode(), signed.encode(), by)
        return f"{signed}.{segment(mac)}"

    def part(self, number: int) -> str:
        return self.token().split(".")[number]


def segment(value: str | bytes) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def respelled(token: str) -> str:
    """The same signature with other unused bits in its last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1]) ^ 1]


def tampered(f: Forger) -> str:
    other = segment(f.payload(sub='"somebody_else"'))
    return f"{f.part(0)}.{other}.{f.part(2)}"


def expired(f: Forger, **changes: str | None) -> str:
    return f.token(iat=None, exp=str(int(time.time()) - 1), **changes)


Attack: TypeAlias = Callable[[Forger], str | bytes]


def headed(header: str | bytes) -> Attack:
    return lambda f: f.sign(header, f.payload())


def unsigned(header: str) -> Attack:
    return lambda f: f"{segment(header)}.{segment(f.payload())}."


def paying(payload: str | bytes) -> Attack:
    return lambda f: f.sign(HEADER, payload)


def claiming(name: str, value: str | None) -> Attack:
    return lambda f: f.token(**{name: value})


_ALGORITHMS = [
    *("none", "None", "NONE", "nOnE", "none ", "HS384", "HS512", "RS256", "PS256", "ES256"),
    *("ES256K", "EdDSA", "hs256", "Hs256", "HS256 ", "", "HMAC-SHA256"),
]


_LATER = "99999999999"


_HEADERS = {
    "no alg": '{"typ":"JWT"}',
    "alg null": '{"alg":null}',
    "alg list": '{"alg":["HS256"]}',
    "other typ": '{"alg":"HS256","typ":"JWE"}',
    "crit": '{"alg":"HS256","crit":["exp"],"exp":1}',
    "b64 false": '{"alg":"HS256","b64":false,"crit":["b64"]}',
    "kid": '{"alg":"HS256","typ":"JWT","kid":"../../../../dev/null"}',
    "kid null": '{"alg":"HS256","typ":"JWT","kid":null}',
    "jku": '{"alg":"HS256","jku":"http://127.0.0.1:1/jwks"}',
    "x5u": '{"alg":"HS256","x5u":"http://127.0.0.1:1/x509"}',
    "x5c": '{"alg":"HS256","x5c":["MIIB"]}',
    "jwk": '{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}',
    "zip": '{"alg":"HS256","zip":"DEF"}',
    "duplicate alg": '{"alg":"none","alg":"HS256"}',
    "duplicate typ": '{"alg":"HS256","typ":"JWT","typ":"JWT"}',
    "deep header": f'{{"alg":"HS256","x":{DEEP[:200] + DEEP[-200:]}}}',
    "very deep header": f'{{"alg":"HS256","x":{DEEP}}}',
    "huge header": f'{{"alg":"HS256","x":"{"x" * 60_000}"}}',
    "header array": '["HS256"]',
    "header null": "null",
    "header not JSON": "{'alg':'HS256'}",
    "header with BOM": "\ufeff" + HEADER,
    "header with tail": HEADER + HEADER,
}


_PAYLOADS = {
    "payload empty object": "{}",
    "payload array": "[]",
    "payload string": '"sub"',
    "payload null": "null",
    "payload not JSON": "sub",
    "payload very deep": f'{{"sub":"a","exp":{_LATER},"x":{DEEP}}}',
    "payload huge": f'{{"sub":"a","exp":{_LATER},"x":"{"x" * 60_000}"}}',
    "duplicate sub": f'{{"sub":"a","sub":"b","exp":{_LATER}}}',
    "duplicate exp": f'{{"sub":"a","exp":1,"exp":{_LATER}}}',
    "nested duplicate": f'{{"sub":"a","exp":{_LATER},"x":{{"y":1,"y":2}}}}',
    "NaN elsewhere": f'{{"sub":"a","exp":{_LATER},"x":NaN}}',
    "payload with tail": f'{{"sub":"a","exp":{_LATER}}}{{}}',
    "e-mail verification": f'{{"email":"a@example.com","iat":1,"exp":{_LATER}}}',
    "e-mail change": f'{{"email":"a@example.com","updateTo":"b@example.com","exp":{_LATER}}}',
    "cookie cache": f'{{"session":{{"id":"a"}},"user":{{"id":"a"}},"exp":{_LATER}}}',
}


_NO_DATES = [
    *('"99999999999"', "true", "null", "NaN", "Infinity", "-Infinity", "1e400", "-1e400", "-1"),
    *("9" * 400, "9" * 5000, "[9]", "{}", '""'),
]


_CLAIMS: dict[str, list[str | None]] = {
    "exp": [None, *_NO_DATES],
    "nbf": [_LATER, *_NO_DATES],
    "iat": [_LATER, *_NO_DATES],
    "iss": [
        *('"http://localhost"', '"localhost:8000"', f'"{BASE_URL}/"', f'"{BASE_URL}.evil.com"'),
        *(f'"{BASE_URL.upper()}"', f'"http://evil.com/{BASE_URL}"', '"http://*"', '"*"', '""'),
        *(f'"https{BASE_URL[4:]}"', f'["{BASE_URL}"]', "null", "1", "true", "{}"),
        *('"https://app.preview.example.com"', '"https://*.preview.example.com"'),
    ],
    "aud": [
        *('"http://evil.com"', "[]", '["http://evil.com"]', "{}", f'{{"{BASE_URL}":1}}', "null"),
        *("1", '""', '"*"', f'["{BASE_URL}",1]', f'[["{BASE_URL}"]]', '"https://*.example.com"'),
    ],
    "sub": [
        *(None, '""', "1", "null", "true", '["a"]', '{"id":"a"}', f'"{"a" * 256}"', '"a b"'),
        *('"a/b"', '"../a"', '"ü"', '"a\\n"', '"\\u0000a"', '"a.b"', '"a@b.co"', '"\\ud800"'),
        *('" a"', '"a\'--"', '"a%00"', '"*"'),
    ],
}


_FORMS: dict[str, Attack] = {
    "empty": lambda f: "",
    "one segment": lambda f: f.part(1),
    "two segments": lambda f: f"{f.part(0)}.{f.part(1)}",
    "no signature": unsigned(HEADER),
    "no header": lambda f: f".{f.part(1)}.{f.part(2)}",
    "no payload": lambda f: f"{f.part(0)}..{f.part(2)}",
    "empty fourth segment": lambda f: f.token() + ".",
    "fourth segment": lambda f: f"{f.token()}.{f.part(2)}",
    "JWE": lambda f: segment('{"alg":"dir","enc":"A256GCM"}') + "..AAAA.BBBB.CCCC",
    "JSON serialisation": lambda f: json.dumps(
        {"protected": f.part(0), "payload": f.part(1), "signature": f.part(2)}
    ),
    "padded signature": lambda f: f.token() + "=",
    "padded payload": lambda f: f.with_signature(f"{f.part(0)}.{urlsafe_b64encode(ODD).decode()}"),
    "standard alphabet": lambda f: f.with_signature(
        f"{f.part(0)}.{b64encode(ODD).decode().rstrip('=')}"
    ),
    "respelled signature": lambda f: respelled(f.token()),
    "short signature": lambda f: f.token()[:-1],
    "long signature": lambda f: f.token() + "A",
    "tampered payload": tampered,
    "swapped segments": lambda f: f"{f.part(1)}.{f.part(0)}.{f.part(2)}",
    "upper case": lambda f: f.token().upper(),
    "another secret": lambda f: f.sign(HEADER, f.payload(), "x" * 32),
    "empty secret": lambda f: f.sign(HEADER, f.payload(), ""),
    "secret with line end": lambda f: f.sign(HEADER, f.payload(), f.key + "\n"),
    "RSA public key as secret": lambda f: f.sign(HEADER, f.payload(), RSA_PUBLIC_KEY),
    "SHA-384 as HS256": lambda f: f.sign(HEADER, f.payload(), by="sha384"),
    "rightly signed HS384": lambda f: f.sign('{"alg":"HS384"}', f.payload(), by="sha384"),
    "rightly signed HS512": lambda f: f.sign('{"alg":"HS512"}', f.payload(), by="sha512"),
    "header not UTF-8": headed(b'{"alg":"HS256","x":"\xff"}'),
    "header in UTF-16": headed(HEADER.encode("utf-16")),
    "payload not UTF-8": lambda f: f.sign(HEADER, f.payload(x='"é"').encode("latin-1")),
    "payload in UTF-16": lambda f: f.sign(HEADER, f.payload().encode("utf-16")),
    "expired, of a stranger": lambda f: expired(f, iss='"http://evil.com"'),
    "expired, without sub": lambda f: expired(f, sub=None),
    "session token": lambda f: "vQ7bYc0aZkT3mN9xLpR2sW8dGhJ4fU6e",
    "signed session cookie": lambda f: CookieSigner(f.key).sign("vQ7bYc0aZkT3mN9xLpR2sW8dGhJ4fU6e"),
    "signed JWT as cookie": lambda f: CookieSigner(f.key).sign(f.token()),
    "two tokens": lambda f: f"{f.token()} {f.token()}",
    "twice Bearer": lambda f: f"Bearer {f.token()}",
    "space inside": lambda f: f.token().replace(".", ". "),
    "tab inside": lambda f: f.token().replace(".", "\t."),
    "line end inside": lambda f: f.token().replace(".", "\n."),
    "no-break space after": lambda f: f.token().encode() + b"\xa0",
    "next-line after": lambda f: f.token().encode() + b"\x85",
    "no-break space before": lambda f: b"\xa0" + f.token().encode(),
    "UTF-8 after": lambda f: f.token().encode() + "é".encode(),
    "byte inside": lambda f: f.token().encode().replace(b".", b"\xff.", 1),
    "NUL after": lambda f: f.token().encode() + b"\0",
}


ATTACKS: dict[str, Attack] = {
    **{f"alg {name!r}": headed(f'{{"alg":"{name}"}}') for name in _ALGORITHMS},
    **{f"alg {name!r} unsigned": unsigned(f'{{"alg":"{name}"}}') for name in _ALGORITHMS},
    **{name: headed(header) for name, header in _HEADERS.items()},
    **{name: paying(payload) for name, payload in _PAYLOADS.items()},
    **{f"{c} {str(v)[:40]}": claiming(c, v) for c, values in _CLAIMS.items() for v in values},
    **_FORMS,
}


def new_signer() -> TokenSigner:
    return TokenSigner(KEY, issuer=BASE_URL, lifetime=900, audiences=[TRUSTED_ORIGIN])
