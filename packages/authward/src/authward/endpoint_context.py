"""`EndpointContext`: the request to an endpoint, its session, and the response under way."""

from datetime import datetime
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request

from authward import cookie_cache
from authward.codes import Code
from authward.context import AuthContext
from authward.endpoint_writes import NOTHING, EndpointWrites
from authward.errors import APIError
from authward.storage.rows import AuthSession, SessionAndUser
from authward.timestamps import now
from authward.validation import UNDEFINED

__all__ = ["NOTHING", "EndpointContext"]


class EndpointContext(EndpointWrites):
    """Better Auth's `ctx`: cookies, body and session of the request, headers of the response.

    `path` is the endpoint's; `signed_in_user_id` is the user whose session the response returns;
    `started_token` is the token in the session cookie that it sets;
    `returned` is the endpoint's content, or its error, for hooks after it; `from_server` tells that
    the application itself has called the endpoint, from Python and in nobody's name.
    `status` is that of success; `extensions` is what plugins keep for this request, by their ids.
    """

    def __init__(self, auth: AuthContext, request: Request) -> None:
        super().__init__(auth, request)
        self.body: Any = UNDEFINED
        self.query: dict[str, Any] = _query(request)
        self.path_params: dict[str, str] = {}
        self.status = 200
        self.signed_in_user_id: str | None = None
        self.returned: Any = None
        self.started_token: str | None = None
        self.from_server = False
        self.extensions: dict[str, Any] = {}
        self.needs_refresh: bool | None = None
        """Whether the session, which was read from the database, is old enough to be extended."""
        self._session: SessionAndUser | None = None
        self._is_for_all = False

    # The request

    def resolve_base_url(self) -> None:
        """Take for base URL, where there are several, that which the request was sent to.

        Raises:
            APIError: 400, it was sent to a host that is not ours.
        """
        self.auth = self.auth.for_request(self.request)

    @property
    def session(self) -> SessionAndUser:
        """The session and user that `require_session` or `load_session` found."""
        if self._session is None:
            raise APIError(Code.UNAUTHORIZED)
        return self._session

    @property
    def session_token(self) -> str | None:
        """The token in the session cookie, if its signature is right."""
        return self.signed_cookie(self.auth.cookies.session_token)

    @property
    def remember_me(self) -> bool:
        """Whether the session cookie outlives the browser session."""
        return self.signed_cookie(self.auth.cookies.dont_remember) is None

    @property
    def callback_url(self) -> str | None:
        """The callback URL of the (validated) body."""
        return self.body.get("callbackURL") if isinstance(self.body, dict) else None

    def signed_cookie(self, name: str) -> str | None:
        """Return the value of a cookie whose signature is right, else None."""
        return self.auth.signer.verify(self.cookies.get(name))

    # The session

    async def load_session(
        self, *, from_cookie: bool = False, read_only: bool | None = None
    ) -> SessionAndUser | None:
        """Return the session of this request; extend it when due, delete it when expired.

        Args:
            from_cookie: whether what the cookie cache says is enough.
            read_only: neither extend nor delete; by default what `defer_session_refresh` says.
        """
        if self._is_for_all:
            return self._session
        cookie_cache.clear_foreign(self)
        token = self.session_token
        if token is None:
            return None
        has_cache = from_cookie and self.auth.cookie_cache is not None
        found = await cookie_cache.read(self, token) if has_cache else None
        if found is None:
            read_only = (
                self.auth.options.session.defer_session_refresh if read_only is None else read_only
            )
            return await self._load_stored_session(token, read_only=read_only)
        self._session = found
        self.request.scope["user_id"] = found.user.id
        return found

    async def _load_stored_session(self, token: str, *, read_only: bool) -> SessionAndUser | None:
        found = await self.auth.sessions.find(self.auth.pool, token)
        if found is None or found.session.expires_at < now():
            await self._end_session(token if found and not read_only else None)
            return None
        self._session = found
        self.request.scope["user_id"] = found.user.id
        if not self.remember_me or self._refreshes_nothing():
            return found
        self.needs_refresh = self._needs_refresh(found.session.expires_at)
        if self.needs_refresh and not read_only:
            return await self._extend_session(found)
        if self.auth.cookie_cache is not None:
            await cookie_cache.write(self, found, remember=True)
        return found

    def _refreshes_nothing(self) -> bool:
        return self.is_asked("disableRefresh") or self.auth.options.session.disable_session_refresh

    async def current_session(self) -> SessionAndUser | None:
        """Return the session that is known already, else load it."""
        return self._session or await self.load_session()

    def use_session(self, found: SessionAndUser, *, for_all: bool = False) -> None:
        """Take a session that has only now begun for that of this request.

        With `for_all` the request's own is not even looked for; it is in no table, maybe.
        """
        self._session = found
        self._is_for_all = for_all
        if for_all:
            self.request.scope["user_id"] = found.user.id

    @property
    def has_own_session(self) -> bool:
        """Whether the session is that of the request, and not one that stands in for it."""
        return not self._is_for_all

    async def require_session(self, *, fresh: bool = False) -> None:
        """Refuse a request without a session, or without a fresh one.

        Raises:
            APIError: 401 or 403.
        """
        if await self.load_session() is None:
            raise APIError(Code.UNAUTHORIZED)
        if fresh and not self.session.session.is_fresh(self.auth.options.session.fresh_age):
            raise APIError(Code.SESSION_NOT_FRESH)
        del self.set_cookies[:-1]  # as the original, where a middleware's last cookie wins

    def _needs_refresh(self, expires_at: datetime) -> bool:
        return now() >= expires_at - self.auth.extended_before_end

    async def _extend_session(self, found: SessionAndUser) -> SessionAndUser:
        token, expires_at = found.session.token, now() + self.auth.options.session.lifetime
        extended = await self.update_session(found.session, {"expiresAt": expires_at})
        if extended is None:
            self.delete_session_cookies()
            raise APIError(Code.FAILED_TO_GET_SESSION)
        self._session = SessionAndUser(extended, found.user)
        self.set_session_cookies(token, remember=True)
        return self._session

    async def _end_session(self, token: str | None) -> None:
        self.delete_session_cookies()
        if token is not None:
            await self.delete_session(token)

    def set_request_header(self, name: str, value: str) -> None:
        """Change a header of the request, for what comes after; its body is not read yet."""
        MutableHeaders(scope=self.request.scope)[name] = value
        self.request = Request(self.request.scope, self.request.receive)

    # The response

    def set_session_cookies(self, token: str, *, remember: bool | None = None) -> None:
        """Set the session cookies; by default with the `remember_me` of the request."""
        self.started_token = token
        cookies, options = self.auth.cookies, self.auth.options
        remembered = self.remember_me
        remember = remembered if remember is None else remember
        age = options.session.expires_in if remember else None
        self.set_signed_cookie(cookies.session_token, token, age)
        if not remember:
            own_age = cookies.attributes(cookies.dont_remember).max_age
            self.set_signed_cookie(cookies.dont_remember, "true", own_age)
        elif not remembered:
            self.expire_cookie(cookies.dont_remember)
        self.to_cache = (token, remember)
        expired = self.auth.expired_sessions
        if expired is not None and expired.is_due():
            self.run_in_background(expired.remove_batch)

    def delete_session_cookies(self, *, but_dont_remember: bool = False) -> None:
        """Expire the session cookies, and, if not told otherwise, the wish not to be remembered."""
        cookies = self.auth.cookies
        self.to_cache = None
        self.expire_cookie(cookies.session_token)
        self.expire_cookie(cookies.session_data)
        if self.auth.options.account.store_account_cookie:
            self.expire_cookie(cookies.account_data)
            self.clear_chunks(cookies.account_data)
        cookie_cache.clear(self)
        if not but_dont_remember:
            self.expire_cookie(cookies.dont_remember)

    def start_session(self, session: AuthSession, *, remember: bool | None) -> None:
        """Set the cookies of a new session; by default with the `remember_me` of the request."""
        self.request.scope["user_id"] = session.user_id
        self.set_session_cookies(session.token, remember=remember)
        self.signed_in_user_id = session.user_id


def _query(request: Request) -> dict[str, Any]:
    """Return the query's parameters; one that is given several times becomes a list."""
    query: dict[str, Any] = {}
    if not request.scope["query_string"]:
        return query
    for name, value in request.query_params.multi_items():
        query.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in query.items()}
