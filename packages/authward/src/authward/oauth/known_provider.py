"""The engine of the providers in the catalog: what a `Definition` says, done."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, TypeAlias

from authward.errors import ConfigurationError
from authward.oauth.definition import FOUND_VERIFIED, ClientAuth, Definition, Json, first, look_up
from authward.oauth.errors import ProviderError, reading
from authward.oauth.exchange import code_challenge, request_tokens, to_profile, to_tokens
from authward.oauth.http_client import basic_credentials, read_json, send
from authward.oauth.id_token import IdTokenVerifier, unverified_claims, verifier_for
from authward.oauth.provider import (
    AccountInfo,
    AuthorizationRequest,
    Profile,
    SocialProvider,
    Tokens,
    to_bool,
    with_parameters,
)
from authward.oauth.special_profiles import is_jwt


@dataclass(frozen=True, slots=True, kw_only=True)
class UserInfo:
    """What an own `get_user_info` returns: the user as `user` has it, and the raw profile."""

    user: Mapping[str, Any]
    data: Mapping[str, Any]


MapProfile: TypeAlias = Callable[[Json], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]
GetUserInfo: TypeAlias = Callable[[Tokens], Awaitable[UserInfo | None]]
VerifyIdToken: TypeAlias = Callable[[str, str | None], Awaitable[bool]]


@dataclass(kw_only=True)
class KnownProvider(SocialProvider):
    """A provider of the catalog; `social_provider` makes one.

    Args:
        definition: what is known of it.
        options: its own options, beside those of all providers.
        endpoints: other URLs than the usual ones, by their names in the definition.
        map_profile_to_user: returns fields of the user, in the API's spelling, for the provider's
            profile; they replace what would be taken of it.
        get_user_info: reads the profile in the place of the provider's way.
        verify_id_token: says whether an ID token that a client sent is valid for a nonce.
    """

    definition: Definition
    client_secret: str = field(default="", repr=False)
    options: Mapping[str, Any] = field(default_factory=dict)
    endpoints: Mapping[str, str] = field(default_factory=dict)
    map_profile_to_user: MapProfile | None = None
    get_user_info: GetUserInfo | None = None
    verify_id_token: VerifyIdToken | None = None
    urls: Mapping[str, str] = field(init=False, repr=False)
    _verifier: IdTokenVerifier | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check()
        self.options = {**self.definition.options, **self.options}
        if self.definition.resolve:
            self.options = {**self.options, **self.definition.resolve(self.options)}
        usual = self.definition.endpoints
        self.urls = {name: url.format(**self.options) for name, url in usual.items()}
        self.urls = {**self.urls, **self.endpoints}
        self._verifier = self._make_verifier()

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def supports_id_tokens(self) -> bool:
        can = self.definition.id_token or self.definition.verify or self.verify_id_token
        return bool(can) and not self.disable_id_token_sign_in

    def authorization_url(self, request: AuthorizationRequest) -> str:
        definition, scopes = self.definition, self._scopes(request.scopes)
        known = {
            "response_type": "code",
            definition.client_id_parameter: self.client_ids[0],
            "state": request.state,
            "scope": definition.scope_separator.join(scopes),
            "redirect_uri": self.redirect_uri or request.redirect_uri,
            "login_hint": request.login_hint if definition.login_hint else None,
            "prompt": self._prompt(),
        }
        own = definition.parameters(self.options, scopes) if definition.parameters else {}
        challenge = code_challenge(request.code_verifier) if definition.pkce else {}
        parameters = {**known, **challenge, **own}
        additional = self._additional(request)
        url = with_parameters(self.urls["authorization"], parameters, additional)
        url = _scope_last(url) if definition.scope_last else url
        return f"{url}#{definition.fragment}" if definition.fragment else url

    async def exchange_code(
        self, code: str, *, code_verifier: str, redirect_uri: str, device_id: str | None = None
    ) -> Tokens:
        if self.definition.token_by_query:
            secret = {"secret": self.client_secret, "code": code}
            form = {"grant_type": "authorization_code", **secret}
            return await self._by_query(self.urls["token"], form)
        sends = self.definition.sends_verifier
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri or redirect_uri,
        }
        if self.definition.pkce if sends is None else sends:
            form["code_verifier"] = code_verifier
        if device_id and self.definition.sends_device_id:
            form["device_id"] = device_id
        credentials, headers = self._credentials()
        headers = {**self.definition.token_headers, **headers}
        return await request_tokens(self.urls["token"], form | credentials, headers)

    @property
    def refresh_endpoint(self) -> str | None:
        usual = self.urls["token"] if self.definition.refreshes else None
        return self.urls.get("refresh", usual)

    async def refresh(self, refresh_token: str) -> Tokens:
        definition, endpoint = self.definition, self.refresh_endpoint
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        if endpoint is None:
            return await super().refresh(refresh_token)
        if definition.token_by_query:
            return await self._by_query(endpoint, form)
        if definition.refreshes_scopes:
            form["scope"] = definition.scope_separator.join(self._scopes(()))
        credentials, headers = self._credentials(definition.refresh_auth)
        return await request_tokens(endpoint, form | credentials, headers)

    async def profile(self, tokens: Tokens, *, nonce: str | None) -> Profile:
        claims = None
        if self._verifier is not None and tokens.id_token and is_jwt(tokens.id_token):
            claims = await self._verifier.verify_token_response(tokens, nonce=nonce)
        found = await self._read(tokens, claims)
        if found is None:
            raise ProviderError("no user")
        return found

    async def account_info(self, tokens: Tokens) -> AccountInfo:
        """The ID token, if there is one, was verified when it came; by now its time may be over."""
        rules = self.definition.id_token
        claims = unverified_claims(tokens.id_token or "")
        if claims and rules and rules.is_allowed and not rules.is_allowed(claims, self.options):
            raise ProviderError("not allowed")
        found = await self._info(tokens, claims)
        if found is None:
            raise ProviderError("no user")
        user, data = found
        return AccountInfo.of({**user, "emailVerified": to_bool(user.get("emailVerified"))}, data)

    async def profile_from_id_token(self, sent: Tokens, *, nonce: str | None) -> Profile | None:
        claims = await self._verify_sent(sent, nonce)
        return await self._read(sent, claims)

    async def call(self, endpoint: str, tokens: Tokens | None = None, **request: Any) -> Any:
        """Return the JSON of an endpoint, asked as the definition says."""
        usual = self.definition.call if endpoint == "user" else {}
        arguments = {**usual, **request}
        method = arguments.pop("method", "POST" if "data" in arguments else "GET")
        bearer = tokens.access_token or "" if tokens else None
        url = self.urls[endpoint]
        return read_json(await send(method, url, access_token=bearer, **arguments))

    async def content(self, endpoint: str, tokens: Tokens) -> bytes | None:
        """Return what is at an endpoint, or None."""
        try:
            answer = await send("GET", self.urls[endpoint], access_token=tokens.access_token)
        except ProviderError:
            return None
        return bytes(answer.content)

    def _check(self) -> None:
        definition, name = self.definition, f"social_providers: {self.definition.id}"
        unknown = sorted(self.options.keys() - definition.options.keys())
        if unknown:
            raise ConfigurationError(f"{name} has no option {unknown[0]}")
        unknown = sorted(self.endpoints.keys() - definition.endpoints.keys())
        if unknown:
            raise ConfigurationError(f"{name} has no endpoint {unknown[0]}")
        given = {"client_id": all(self.client_ids) and self.client_ids, **self.options}
        given["client_secret"] = self.client_secret
        needed = [*definition.required]
        if given.get("require_client_secret"):
            needed.append("client_secret")
        missing = [wanted for wanted in needed if not given.get(wanted)]
        if missing:
            raise ConfigurationError(f"{name} needs {missing[0]}")

    def _make_verifier(self) -> IdTokenVerifier | None:
        rules = self.definition.id_token
        if rules is None:
            return None
        named = next((self.options[n] for n in rules.audiences if self.options[n]), ())
        audiences = (named,) if isinstance(named, str) else tuple(named)
        ids = (*self.client_ids, *audiences)
        return verifier_for(rules, self.options, ids, self.urls["jwks"])

    def _scopes(self, requested: Sequence[str]) -> tuple[str, ...]:
        definition = self.definition
        if not definition.takes_scopes:
            return ()
        usual = () if self.disable_default_scope else definition.scopes
        more = [*self.scope, *requested]
        if definition.request_scopes_first:
            more = [*requested, *self.scope]
        scopes = (*usual, *more)
        return scopes if definition.additional else tuple(dict.fromkeys(scopes))

    def _prompt(self) -> str | None:
        known = self.definition.prompt
        if isinstance(known, str):
            return self.prompt or known
        return self.prompt if known else None

    def _additional(self, request: AuthorizationRequest) -> Mapping[str, str]:
        definition = self.definition
        fixed = definition.fixed(self.options) if definition.fixed else {}
        if not definition.additional:
            return fixed
        kept = definition.client_id_parameter
        given = {name: text for name, text in request.additional.items() if name != kept}
        return {**given, **fixed}

    def _credentials(
        self, method: ClientAuth | None = None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return what goes into the form and into the headers (RFC 6749, section 2.3.1)."""
        client_id, secret = self.client_ids[0], self.client_secret
        if secret and (method or self.definition.token_auth) == "client_secret_basic":
            return {}, basic_credentials(client_id, secret)
        form = {self.definition.client_id_parameter: client_id}
        return form | ({"client_secret": secret} if secret else {}), {}

    async def _by_query(self, endpoint: str, form: Mapping[str, str]) -> Tokens:
        query = {self.definition.client_id_parameter: self.client_ids[0], **form}
        data = read_json(await send("GET", endpoint, params=query))
        scope = data.get("scope") if isinstance(data, dict) else None
        separator = self.definition.scope_separator
        return to_tokens({**data, "scope": scope.split(separator)} if scope else data)

    async def _verify_sent(self, sent: Tokens, nonce: str | None) -> Json | None:
        token, rules = sent.id_token or "", self.definition.id_token
        own, known = self.verify_id_token, self.definition.verify
        if own is not None or known is not None:
            if not (await own(token, nonce) if own else await self._asked(token, nonce)):
                raise ProviderError("ID token refused")
            return None
        if self._verifier is None:
            raise ProviderError("ID tokens are not supported")
        if rules is not None and rules.opaque and not is_jwt(token):
            return None
        return await self._verifier.verify_sent(sent, nonce=nonce)

    async def _asked(self, token: str, nonce: str | None) -> bool:
        verify = self.definition.verify
        with reading():
            return verify is not None and await verify(_Reader(self, None), token, nonce)

    async def _read(self, tokens: Tokens, claims: Json | None) -> Profile | None:
        found = await self._info(tokens, claims)
        if found is None:
            return None
        user, data = found
        return to_profile(first(data, self.definition.subject), user, data)

    async def _info(self, tokens: Tokens, claims: Json | None) -> tuple[Json, Json] | None:
        """Return the user's fields, and the provider's profile."""
        if self.get_user_info is not None:
            own = await self.get_user_info(tokens)
            return None if own is None else (dict(own.user), dict(own.data))
        with reading():
            data = await self._raw_profile(tokens, claims)
            known = {} if data is None else self._known(data)
        if data is None:
            return None
        shown = {name: value for name, value in data.items() if name != FOUND_VERIFIED}
        user = await self._user(data, known, shown)
        return None if self.definition.needs_email and not user.get("email") else (user, shown)

    async def _raw_profile(self, tokens: Tokens, claims: Json | None) -> Json | None:
        source, reader = self.definition.source, _Reader(self, claims)
        if source == "id_token":
            data: Any = reader.claims(tokens)
        elif source == "user":
            data = await self.call("user", tokens)
        else:
            data = await source(reader, tokens)
        if not isinstance(data, dict):
            return None
        data = self.definition.prepare(data) if self.definition.prepare else data
        return data if isinstance(data, dict) else None

    def _known(self, data: Json) -> Json:
        definition = self.definition
        return {
            "name": first(data, definition.name),
            "email": first(data, definition.email),
            "image": first(data, definition.image),
            "emailVerified": definition.verified and look_up(data, definition.verified),
            **(definition.amend(data) if definition.amend else {}),
        }

    async def _user(self, data: Json, known: Json, shown: Json) -> Json:
        definition, user = self.definition, {**known}
        if self.map_profile_to_user is not None:
            mapped = self.map_profile_to_user(shown)
            user |= await mapped if isawaitable(mapped) else mapped
        if definition.placeholder_email and not user.get("email"):
            user["email"] = f"{first(data, definition.subject)}@{self.id}.placeholder.invalid"
        return user


class _Reader:
    """The provider's endpoints, with the claims that are verified already."""

    def __init__(self, provider: KnownProvider, claims: Json | None) -> None:
        self.client_ids, self.client_secret = provider.client_ids, provider.client_secret
        self.options, self.urls = provider.options, provider.urls
        self.call, self.content = provider.call, provider.content
        self._claims = claims

    def claims(self, tokens: Tokens) -> Json | None:
        """Return the claims of the ID token.

        Where there are no rules for it, it is read as it came: over TLS from the provider itself,
        which is enough (OpenID Connect Core 3.1.3.7), or the provider has said that it is valid.
        """
        if self._claims is not None or not tokens.id_token:
            return self._claims
        return unverified_claims(tokens.id_token)


def social_provider(
    name: str, *, client_id: str | tuple[str, ...], client_secret: str = "", **options: Any
) -> KnownProvider:
    """Return one of the original's providers, such as `social_provider("discord", …)`.

    Options are those of `SocialProvider` and `KnownProvider`, and those of the provider alone,
    such as `tenant_id` of `microsoft`, all in one.

    Raises:
        ConfigurationError: the provider is unknown, an option is, or one is missing.
    """
    from authward.oauth.catalog import CATALOG  # noqa: PLC0415

    definition = CATALOG.get(name)
    if definition is None:
        raise ConfigurationError(f"social_providers: there is no provider {name!r}")
    own = {key: options.pop(key) for key in definition.options if key in options}
    common = {each for each in KnownProvider.__dataclass_fields__ if not each.startswith("_")}
    unknown = sorted(options.keys() - (common - {"definition", "urls", "options"}))
    if unknown:
        raise ConfigurationError(f"social_providers: {name} has no option {unknown[0]}")
    return KnownProvider(
        definition=definition,
        client_id=client_id,
        client_secret=client_secret,
        options=own,
        **options,
    )


def _scope_last(url: str) -> str:
    """Amazon's endpoint wants %20 between scopes."""
    head, _, query = url.partition("?")
    pairs = query.split("&")
    scope = [pair.replace("+", "%20") for pair in pairs if pair.startswith("scope=")]
    others = [pair for pair in pairs if not pair.startswith("scope=")]
    return f"{head}?{'&'.join([*others, *scope])}"
