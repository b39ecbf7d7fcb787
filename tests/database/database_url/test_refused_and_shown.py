"""What is refused, and that no password is ever shown."""

import traceback
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskward.database.url import DatabaseURL, DatabaseURLError
from tests.database.database_url.samples import NEON, NEON_URL, PASSWORD, START

ERRORS: dict[str, tuple[str, str]] = {
    "nothing": ("", "not a PostgreSQL URL"),
    "one quote": ("'", "not a PostgreSQL URL"),
    "only a command": ("psql", "not a PostgreSQL URL"),
    "only a scheme": ("postgresql://", "no user name"),
    "MySQL": (f"mysql://user:{PASSWORD}@host/db", "not a PostgreSQL URL"),
    "SQLite": ("sqlite:///file.db", "not a PostgreSQL URL"),
    "HTTP": (f"http://user:{PASSWORD}@host/db", "not a PostgreSQL URL"),
    "JDBC": (f"jdbc:postgresql://host/db?user=u&password={PASSWORD}", "not a PostgreSQL URL"),
    "an empty driver": (f"postgresql+://user:{PASSWORD}@host/db", "not a PostgreSQL URL"),
    "key and value pairs": (f"host=h user=u password={PASSWORD}", "not a PostgreSQL URL"),
    "a missing scheme": (f"user:{PASSWORD}@host/db", "not a PostgreSQL URL"),
    "a password alone": (PASSWORD, "not a PostgreSQL URL"),
    "a quote that nothing closes": (f"'{START}", "not a PostgreSQL URL"),
    "a quote that nothing opens": (f"{START}'", "a quote"),
    "a space inside": (f"{START} x", "white space"),
    "a line end inside": (f"postgresql://user:{PASSWORD}\n@host/db", "white space"),
    "a tab inside": (f"postgresql://us\ter:{PASSWORD}@host/db", "white space"),
    "a NUL inside": (f"{START}\0", "invisible character"),
    "an invisible space inside": (f"{START}\u200b", "invisible character"),
    "a lone surrogate inside": (f"{START}\ud800", "invisible character"),
    "an encoded NUL in the password": (f"postgresql://u:{PASSWORD}%00@h/db", "password: .*NUL"),
    "an encoded NUL in the database": (f"{START}%00", "database: .*NUL"),
    "an encoded NUL in a value": (f"{START}?application_name=%00", "application_name: .*NUL"),
    "a lone percent sign": (f"postgresql://u:{PASSWORD}%@h/db", "password: malformed"),
    "percent-encoding without digits": (f"postgresql://u%zz:{PASSWORD}@h/db", "user name: malf"),
    "percent-encoding of no UTF-8": (f"postgresql://u:{PASSWORD}%ff@h/db", "password: malformed"),
    "a slash in the password": (f"postgresql://u:a/{PASSWORD}@host/db", "percent-encode"),
    "a question mark in the password": (f"postgresql://u:a?{PASSWORD}@host/db", "percent-encode"),
    "a password that looks like a key": (f"postgresql://u:a?{PASSWORD}=1@h/db", "percent-encode"),
    "a hash in the password": (f"postgresql://u:a#{PASSWORD}@host/db", "percent-encode"),
    "an at sign and a slash in it": (f"postgresql://u:a@b/{PASSWORD}@host/db", "percent-encode"),
    "a bracket in the password": (f"postgresql://u:[{PASSWORD}@host/db", "percent-encode"),
    "a sign that normalises to a slash": (f"postgresql://u:{PASSWORD}℀@h/db", "percent-encode"),
    "a fragment": (f"{START}#part", "percent-encode"),
    "no user": ("postgresql://host/db", "no user name"),
    "no user but a password": (f"postgresql://:{PASSWORD}@host/db", "no user name"),
    "a host that was forgotten": (f"postgresql://user:{PASSWORD}", "no user name"),
    "a port of words": (f"postgresql://u:{PASSWORD}@host:port/db", "port: "),
    "port 0": (f"postgresql://u:{PASSWORD}@host:0/db", "port: "),
    "port 65536": (f"postgresql://u:{PASSWORD}@host:65536/db", "port: "),
    "a negative port": (f"postgresql://u:{PASSWORD}@host:-1/db", "port: "),
    "a port of 5000 digits": (f"postgresql://u:{PASSWORD}@host:{'9' * 5000}/db", "port: "),
    "a port in Arabic digits": (f"postgresql://u:{PASSWORD}@host:\u0665\u0664/db", "port: "),
    "a port as a bad key": (f"{START}?port=99999", "port: "),
    "two ports": (f"postgresql://u:{PASSWORD}@host:1/db?port=2", "port: given twice"),
    "an IPv6 address without brackets": (f"postgresql://u:{PASSWORD}@::1/db", "port: .*brackets"),
    "an IPv6 address that is none": (f"postgresql://u:{PASSWORD}@[::g]/db", "host"),
    "an IPv4 address in brackets": (f"postgresql://u:{PASSWORD}@[1.2.3.4]/db", "host"),
    "words after the bracket": (f"postgresql://u:{PASSWORD}@[::1]x/db", "host: "),
    "other hosts as a key": (f"postgresql://u:{PASSWORD}@a,b/db?host=a,c", "host: given twice"),
    "more hosts as a key": (f"postgresql://u:{PASSWORD}@a/db?host=a,b", "host: given twice"),
    "seventeen hosts": (f"postgresql://u:{PASSWORD}@{',h' * 16}/db", "host: at most 16"),
    "a bad one of several hosts": (f"postgresql://u:{PASSWORD}@a,b c/db", "white space"),
    "a comma inside a host": (f"postgresql://u:{PASSWORD}@a%2Cb/db", "host: not a host name"),
    "a comma inside a directory": (f"postgresql://u:{PASSWORD}@%2Fa%2Cb/db", "host: not a host"),
    "two ports for three hosts": (
        f"postgresql://u:{PASSWORD}@/db?host=a,b,c&port=1,2",
        "port: 2 for 3 hosts",
    ),
    "other ports as a key": (f"postgresql://u:{PASSWORD}@a:1,b:2/db?port=1,3", "port: given twice"),
    "a bad one of several ports": (f"postgresql://u:{PASSWORD}@a:1,b:x/db", "port: must"),
    "a bracket in a password before several hosts": (
        f"postgresql://u:[{PASSWORD}@a,b/db",
        "percent-encode",
    ),
    "a sign that normalises to a slash in the second host": (
        f"postgresql://u:{PASSWORD}@a,b℀/db",
        "percent-encode",
    ),
    "an unknown kind of session": (f"{START}?target_session_attrs=master", "one of any, read-wri"),
    "an empty kind of session": (f"{START}?target_session_attrs=", "target_session_attrs: must"),
    "Neon as the second host, without TLS": (
        f"postgresql://u:{PASSWORD}@a,{NEON}/db?sslmode=disable",
        "sslmode: Neon",
    ),
    "two hosts in two places": (f"{START}?host=other", "host: given twice"),
    "a socket beside a real host": (f"{START}?host=/run", "host: given twice"),
    "an empty label in the host": (f"postgresql://u:{PASSWORD}@a..b/db", "host: "),
    "a label of 64 letters": (f"postgresql://u:{PASSWORD}@{'a' * 64}/db", "host: "),
    "a host of 300 letters": (f"postgresql://u:{PASSWORD}@{'aaaa.' * 60}b/db", "host: "),
    "an abstract socket": (f"postgresql://u:{PASSWORD}@%40pg/db", "host: "),
    "a space in the host": (f"postgresql://u:{PASSWORD}@a%20b/db", "host: "),
    "two database names": (f"{START}/more", "database: "),
    "an unknown sslmode": (f"{START}?sslmode=foo", "sslmode: must be one of disable, allow"),
    "an empty sslmode": (f"{START}?sslmode=", "sslmode: "),
    "an sslmode in capitals": (f"{START}?sslmode=REQUIRE", "sslmode: "),
    "an unknown ssl": (f"{START}?ssl=maybe", "ssl: "),
    "ssl against sslmode": (f"{START}?ssl=true&sslmode=disable", "ssl and sslmode"),
    "Neon without TLS": (f"postgresql://u:{PASSWORD}@{NEON}/db?sslmode=disable", "sslmode: Neon"),
    "channel binding without TLS": (
        f"{START}?sslmode=disable&channel_binding=require",
        "sslmode: .*channel_binding",
    ),
    "an unknown channel_binding": (f"{START}?channel_binding=yes", "channel_binding: "),
    "a wrong channel_binding on a socket": ("postgres://u@/d?channel_binding=x", "channel_binding"),
    "a root certificate that is missing": (f"{START}?sslrootcert=/no/file", "sslrootcert: .*/no/"),
    "a timeout of words": (f"{START}?connect_timeout=abc", "connect_timeout: "),
    "a negative timeout": (f"{START}?connect_timeout=-1", "connect_timeout: "),
    "a timeout of 0": (f"{START}?connect_timeout=0", "connect_timeout: "),
    "a timeout that is no number": (f"{START}?connect_timeout=nan", "connect_timeout: "),
    "a timeout without end": (f"{START}?connect_timeout={'9' * 400}", "connect_timeout: "),
    "an empty timeout": (f"{START}?connect_timeout=", "connect_timeout: "),
    "two timeouts": (
        f"{START}?connect_timeout=1&connect_timeout=2",
        "connect_timeout: given twice",
    ),
    "settings as options": (f"{START}?options=-c%20jit%3Doff", "options: .*ALTER ROLE"),
    "an endpoint and a setting": (f"{START}?options=endpoint%3Dep%20-cjit%3Doff", "options: "),
    "an endpoint without a name": (f"{START}?options=endpoint%3D", "options: "),
    "an endpoint outside ASCII": (f"{START}?options=endpoint%3Dé", "options: "),
    "a libpq key that asyncpg lacks": (f"{START}?gssencmode=disable", "unknown key: 'gssencmode'"),
    "a setting as a key": (f"{START}?statement_timeout=5", "unknown key: 'statement_timeout'"),
    "a password as a key": (f"postgres://u@h/d?password={PASSWORD}", "unknown key: 'password'"),
    "a key that is no name": (f"{START}?a-{PASSWORD}/b=1", "unknown key: one of them"),
    "an escaped ampersand": (f"{START}?ssl=true&amp;sslmode=require", "unknown key: one of them"),
}


@pytest.mark.parametrize(("text", "message"), ERRORS.values(), ids=ERRORS.keys())
def test_what_is_refused_and_the_password_is_not_shown(text: str, message: str) -> None:
    with pytest.raises(DatabaseURLError, match=message) as caught:
        DatabaseURL.parse(text)
    assert_error_hides(caught.value, PASSWORD)


def assert_error_hides(error: DatabaseURLError, password: str) -> None:
    trace = "".join(traceback.format_exception(error))
    for shown in (str(error), repr(error), repr(error.args), trace):
        assert password not in shown
    # Log processors may walk these although a traceback does not print them.
    assert error.__cause__ is None
    assert error.__context__ is None


# ── What is shown


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (NEON_URL, f"postgresql://owner:***@{NEON}:5432/neondb?sslmode=verify-full"),
        ("postgres://u@h:1/d", "postgresql://u@h:1/d?sslmode=prefer"),
        ("postgres://u:p@[::1]/d", "postgresql://u:***@[::1]:5432/d?sslmode=prefer"),
        ("postgres://u@/d?host=/a:b", "postgresql://u@%2Fa%3Ab:5432/d?sslmode=disable"),
        (
            "postgres://u:p@h,[::1]:7/d",
            "postgresql://u:***@h:5432,[::1]:7/d?sslmode=prefer&target_session_attrs=read-write",
        ),
        ("postgres://u@/d", "postgresql://u@:5432/d?sslmode=disable"),
        ("postgres://a%0Ab@h/c%20d", "postgresql://a%0Ab@h:5432/c%20d?sslmode=prefer"),
    ],
)
def test_the_masked_url_tells_everything_but_the_password(text: str, masked: str) -> None:
    url = DatabaseURL.parse(text)
    assert url.masked == masked
    assert str(url) == masked


@pytest.mark.parametrize(
    "text",
    [
        "postgres://u@[fe80::1%25eth0]/d",
        "postgres://u@/d?host=/a:b",
        "postgres://u@a:1,%2Frun:2,[::1]/d?target_session_attrs=prefer-standby",
    ],
)
def test_a_masked_url_without_a_password_is_the_url(text: str) -> None:
    url = DatabaseURL.parse(text)
    assert DatabaseURL.parse(url.masked) == url


# ── Properties


PIECES = ["postgres://", "postgresql+x://", "psql ", "'", "@", ":", "/", "?", "#", "[", "]", "%"]
PIECES += [
    "&",
    "=",
    ",",
    "host",
    "target_session_attrs=any",
    "sslmode=",
    "port=",
    "1",
    "::1",
    "%00",
    "%ff",
    "\0",
    "é",
    "u",
    "℀",
]
any_url = st.one_of(
    st.text(),
    st.text().map("postgres://{}".format),
    st.text().map("postgres://u:p@h/d?{}".format),
    st.lists(st.sampled_from(PIECES)).map("".join),
    st.lists(st.sampled_from(PIECES)).map(lambda pieces: "postgres://u:p@" + "".join(pieces)),
)
postgres_text = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1
)
# Letters in an order that no message, key or line of a traceback has.
secret_core = st.text("QXZJqxzj0279", min_size=8)


@given(any_url)
def test_any_text_is_either_read_or_refused(text: str) -> None:
    with suppress(DatabaseURLError):
        url = DatabaseURL.parse(text)
        assert url.user
        assert url.database
        assert 1 <= url.port <= 65535


@given(user=postgres_text, password=postgres_text, database=postgres_text)
def test_any_user_password_and_database_survive_percent_encoding(
    user: str, password: str, database: str
) -> None:
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    url = DatabaseURL.parse(f"postgresql://{login}@h/{quote(database, safe='')}")
    assert (url.user, url.password, url.database) == (user, password, database)


def assert_hidden(text: str, secret: str) -> None:
    try:
        url = DatabaseURL.parse(text)
    except DatabaseURLError as error:
        assert_error_hides(error, secret)
        return
    for shown in (repr(url), str(url), f"{url}", url.masked, repr(url.direct())):
        assert secret not in shown


ENDS = ["", "?", "?sslmode=foo", "?key=1", ":x", "/a", "?port=0", "#", "'", " ", "%"]


@given(before=st.text(), secret=secret_core, after=st.text(), end=st.sampled_from(ENDS))
def test_no_piece_of_a_password_pasted_without_encoding_is_shown(
    before: str, secret: str, after: str, end: str
) -> None:
    assert_hidden(f"postgresql://user:{before}{secret}{after}@host/db{end}", secret)


@given(st.lists(st.sampled_from(PIECES)), secret_core, st.lists(st.sampled_from(PIECES)))
def test_no_piece_of_a_password_full_of_delimiters_is_shown(
    before: list[str], secret: str, after: list[str]
) -> None:
    assert_hidden(f"postgres://user:{''.join(before)}{secret}{''.join(after)}@host/db", secret)


@given(before=postgres_text, secret=secret_core, end=st.sampled_from(ENDS))
def test_no_piece_of_an_encoded_password_is_shown(before: str, secret: str, end: str) -> None:
    assert_hidden(f"postgresql://user:{quote(before + secret, safe='')}@host/db{end}", secret)
