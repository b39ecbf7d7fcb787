"""One request to the Better Auth server and the answer that grows from it."""

import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

import orjson
from asyncpg import Record
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from taskward.auth import store
from taskward.auth.client_address import client_address
from taskward.auth.cookies import decode_uri_component, parse_cookies
from taskward.auth.errors import APIError
from taskward.auth.hooks import run_guarded
from taskward.auth.validation import UNDEFINED
from taskward.timestamps import now, to_json

if TYPE_CHECKING:
    from taskward.auth.server import BetterAuth

_USER_AGENT_MAX_LENGTH = 1024
_IN_HEADER = re.compile(r"[\x20-\x7e\xa0-\xff]")


class Exchange:
    """The request's cookies, body and session, and the response's headers and cookies."""

    def __init__(self, auth: "BetterAuth", request: Request) -> None:
        self.auth = auth
        self.request = request
        self.body: Any = UNDEFINED
        self.query: dict[str, Any] = _query(request)
        self.parameters: dict[str, str] = {}
        self.cookies = parse_cookies("; ".join(request.headers.getlist("cookie")))
        self.headers: dict[str, str] = {}
        self.set_cookies: list[str] = []
        self._afterwards: list[Callable[[], Awaitable[None]]] = []
        self._session: Record | None = None
        self._extended_session: Record | None = None

    # The request

    @property
    def session(self) -> Record:
        """The session and user that `require_session` or `load_session` found."""
        if self._session is None:
            raise APIError(401, "UNAUTHORIZED")
        return self._session

    @property
    def session_token(self) -> str | None:
        """The token in the session cookie, if its signature is right."""
        return self.signed_cookie(self.auth.cookies.session_token)

    @property
    def remembers(self) -> bool:
        """Whether the browser's session may outlive the browser."""
        return self.signed_cookie(self.auth.cookies.dont_remember) is None

    @property
    def callback_url(self) -> str | None:
        """Where the client wants to go afterwards, as a (validated) body says."""
        return self.body.get("callbackURL") if isinstance(self.body, dict) else None

    def new_session(self, user_id: str, *, remember: bool = True) -> store.NewSession:
        """Describe a session for this client."""
        request, options = self.request, self.auth.options
        agent = request.headers.get("user-agent", "")[:_USER_AGENT_MAX_LENGTH]
        address = client_address(request, options.trusted_proxy_hops)
        return store.NewSession(user_id, options.session_lifetime, remember, address, agent)

    def take_bearer_token(self) -> None:
        """Let an `Authorization: Bearer` session token, signed or raw, stand for the cookie."""
        header = self.request.headers.get("authorization", "")
        token = header[7:].strip()
        if header[:7].lower() != "bearer " or not token:
            return
        signer = self.auth.signer
        decoded = decode_uri_component(token) if "." in token else signer.sign(token)
        if signer.verify(".".join(decoded.split(".")[:2])) is not None:
            self.cookies[self.auth.cookies.session_token] = decoded

    def signed_cookie(self, name: str) -> str | None:
        """Return the value of a cookie whose signature is right, else None."""
        return self.auth.signer.verify(self.cookies.get(name))

    # The session

    async def load_session(self) -> Record | None:
        """Find the session of this request, extend it once a day, end it if it is over."""
        if any(self.cookies[name] for name in self._session_data_cookies()):
            self._clear_session_data()
        token = self.session_token
        if token is None:
            return None
        found = await store.FIND_SESSION.fetchrow(self.auth.pool, token=token)
        if found is None or found["session.expiresAt"] < now():
            await self._end_session(token if found else None)
            return None
        self._session = found
        self.request.scope["user_id"] = found["user.id"]
        wanted = self.remembers and not any(self.request.query_params.getlist("disableRefresh"))
        if wanted and self._is_due(found["session.expiresAt"]):
            await self._extend_session(token)
        return found

    async def require_session(self, *, fresh: bool = False) -> None:
        """Refuse the request without a session, or with one of yesterday where it must be fresh.

        Raises:
            APIError: 401 or 403.
        """
        if await self.load_session() is None:
            raise APIError(401, "UNAUTHORIZED")
        if fresh and not self.is_fresh:
            raise APIError(403, "SESSION_NOT_FRESH")
        del self.set_cookies[:-1]  # as the original, where a middleware's last cookie wins

    @property
    def is_fresh(self) -> bool:
        """Whether the person signed in within the last day."""
        age = now() - self.session["session.createdAt"]
        return bool(age < timedelta(seconds=self.auth.options.session_fresh_age))

    def _is_due(self, expires_at: datetime) -> bool:
        options = self.auth.options
        update_age = timedelta(seconds=options.session_update_age)
        return now() >= expires_at - options.session_lifetime + update_age

    async def _extend_session(self, token: str) -> None:
        moment = now()
        row = await store.EXTEND_SESSION.fetchrow(
            self.auth.pool,
            token=token,
            now=moment,
            expires_at=moment + self.auth.options.session_lifetime,
        )
        if row is None:
            self.delete_session_cookies()
            raise APIError(401, "FAILED_TO_GET_SESSION")
        self._extended_session = row
        self.set_session_cookies(token, remember=True)

    async def _end_session(self, token: str | None) -> None:
        self.delete_session_cookies()
        if token is not None:
            await store.DELETE_SESSION.fetch(self.auth.pool, token=token)

    # The response

    def set_session_cookies(self, token: str, *, remember: bool | None = None) -> None:
        """Give the session to the browser; by default remembered as it was before."""
        cookies, options = self.auth.cookies, self.auth.options
        remembered = self.remembers
        remember = remembered if remember is None else remember
        age = options.session_expires_in if remember else None
        self.set_signed_cookie(cookies.session_token, token, age)
        if not remember:
            self.set_signed_cookie(cookies.dont_remember, "true", None)
        elif not remembered:
            self.expire_cookie(cookies.dont_remember)

    def delete_session_cookies(self) -> None:
        """Take the session from the browser."""
        cookies = self.auth.cookies
        self.expire_cookie(cookies.session_token)
        self.expire_cookie(cookies.session_data)
        self._clear_session_data()
        self.expire_cookie(cookies.dont_remember)

    def start_session(self, session: Record, *, remember: bool | None) -> None:
        """Give a new session to the browser, with an access token for the API beside it.

        Without `remember` it is remembered as the last one was.
        """
        self.request.scope["user_id"] = session["userId"]
        self.set_session_cookies(session["token"], remember=remember)
        self.offer_jwt(session["userId"])

    def session_json(self) -> dict[str, Any]:
        """Return the current session as its user sees it."""
        if self._extended_session is not None:
            return session_json(self._extended_session)
        return session_json(self.session, "session.")

    def set_location(self, url: str) -> None:
        """Name where the client goes next; what no header can hold is percent-encoded."""
        self.headers["location"] = "".join(
            c if _IN_HEADER.fullmatch(c) else quote(c, errors="replace") for c in url
        )

    def redirect(self, url: str) -> NoReturn:
        """Send the browser to `url`.

        Raises:
            APIError: 302, always.
        """
        self.set_location(url)
        raise APIError(302)

    def afterwards(self, task: Callable[[], Awaitable[None]]) -> None:
        """Do something once the answer is sent: neither its time nor its failure is seen."""
        self._afterwards.append(task)

    def offer_jwt(self, user_id: str) -> None:
        """Send an access token along in `set-auth-jwt`."""
        self._expose("set-auth-jwt", self.auth.tokens.issue(user_id))

    def error(self, error: APIError) -> Response:
        """Return the answer for an error, with the cookies that were set before it."""
        self.headers |= error.headers
        return self.response(error.status, UNDEFINED if error.body is None else error.body)

    def response(self, status: int, content: Any) -> Response:
        """Return the finished answer; None as content is JSON's null, UNDEFINED is no body."""
        self._offer_session_token()
        body = b"" if content is UNDEFINED else orjson.dumps(content)
        task = BackgroundTask(run_guarded, self._afterwards) if self._afterwards else None
        response = Response(body, status, self.headers, "application/json", task)
        for cookie in self.set_cookies:
            response.headers.append("set-cookie", cookie)
        return response

    def set_signed_cookie(self, name: str, value: str, max_age: int | None) -> None:
        """Set a cookie for `max_age` seconds, or until the browser is closed."""
        signed = self.auth.signer.sign(value)
        self.set_cookies.append(self.auth.cookies.set_cookie(name, signed, max_age))

    def expire_cookie(self, name: str) -> None:
        """Take a cookie back; a value set earlier in this exchange must not leave with that."""
        kept = (c for c in self.set_cookies if not c.startswith((f"{name}=", f"{name}.")))
        self.set_cookies = [*kept, self.auth.cookies.set_cookie(name, "", 0)]

    def _session_data_cookies(self) -> Iterator[str]:
        """The cookie cache of another Better Auth server on this origin, maybe in chunks."""
        name = self.auth.cookies.session_data
        for cookie in self.cookies:
            if cookie == name or (
                cookie.startswith(f"{name}.") and cookie[len(name) + 1 :].isdigit()
            ):
                yield cookie

    def _clear_session_data(self) -> None:
        for name in self._session_data_cookies():
            self.set_cookies.append(self.auth.cookies.set_cookie(name, "", 0))

    def _offer_session_token(self) -> None:
        """Bearer clients take the session token from a header, because they see no cookies."""
        prefix = f"{self.auth.cookies.session_token}="
        set_here = [c for c in self.set_cookies if c.startswith(prefix) and "; Max-Age=0;" not in c]
        if set_here:
            value = set_here[-1].removeprefix(prefix).partition(";")[0]
            self._expose("set-auth-token", decode_uri_component(value))

    def _expose(self, name: str, value: str) -> None:
        self.headers[name] = value
        exposed = self.headers.get("access-control-expose-headers")
        self.headers["access-control-expose-headers"] = f"{exposed}, {name}" if exposed else name


def _query(request: Request) -> dict[str, Any]:
    """Return the query's parameters; one that is given several times becomes a list."""
    query: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        known = query.get(name)
        if known is None:
            query[name] = value
        else:
            query[name] = [*known, value] if isinstance(known, list) else [known, value]
    return query


def user_json(row: Record, prefix: str = "") -> dict[str, Any]:
    """Return a user as clients see it."""
    return {
        "name": row[f"{prefix}name"],
        "email": row[f"{prefix}email"],
        "emailVerified": row[f"{prefix}emailVerified"],
        "image": row[f"{prefix}image"],
        "createdAt": to_json(row[f"{prefix}createdAt"]),
        "updatedAt": to_json(row[f"{prefix}updatedAt"]),
        "id": row[f"{prefix}id"],
    }


def session_json(row: Record, prefix: str = "") -> dict[str, Any]:
    """Return a session as its user sees it."""
    return {
        "expiresAt": to_json(row[f"{prefix}expiresAt"]),
        "token": row[f"{prefix}token"],
        "createdAt": to_json(row[f"{prefix}createdAt"]),
        "updatedAt": to_json(row[f"{prefix}updatedAt"]),
        "ipAddress": row[f"{prefix}ipAddress"],
        "userAgent": row[f"{prefix}userAgent"],
        "userId": row[f"{prefix}userId"],
        "id": row[f"{prefix}id"],
    }
