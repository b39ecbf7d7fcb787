"""`one_tap`: sign-in by the ID token that Google's One Tap gives a page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.oauth.account_store import Identity
from authward.oauth.catalog import CATALOG, GOOGLE_ID_TOKENS
from authward.oauth.errors import OAuthFlowError, ProviderError
from authward.oauth.exchange import to_profile
from authward.oauth.id_token import IdTokenVerifier, verifier_for
from authward.oauth.oauth_sign_in import sign_in
from authward.oauth.provider import SocialProvider, Tokens, to_bool
from authward.plugin import Plugin
from authward.schema import responses as schemas
from authward.validation import Field, Schema

_PROVIDER: Final = "google"
_SCOPES: Final = ("openid", "profile", "email")
_NO_CLIENT_ID: Final = (
    "Google client ID is required for One Tap. Set it on the oneTap plugin (clientId) or on "
    "socialProviders.google."
)
_WHERE: Final = "Where the browser goes afterwards"


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTapOptions:
    """The original's options.

    Args:
        client_id: one or several, for which tokens are; by default those of the provider `google`.
        disable_signup: only those who are users already.
        jwks_url: where Google's keys are, if not at Google.
    """

    client_id: str | tuple[str, ...] = ()
    disable_signup: bool = False
    jwks_url: str = CATALOG[_PROVIDER].endpoints["jwks"]


def one_tap(options: OneTapOptions | None = None) -> Plugin:
    """Let pages sign people in by Google's One Tap.

    What is said of the social provider `google` holds here as well: who may sign up, of which
    hosted domain, and what becomes of the profile.
    """
    endpoint = Endpoint(
        path="/one-tap/callback",
        handler=_OneTap(options or OneTapOptions()).callback,
        body=Schema(
            {
                "idToken": Field("string", description="What Google's script gave the page"),
                "callbackURL": Field("string", required=False, description=_WHERE),
            }
        ),
        response_model=schemas.SignedIn,
        errors=(400, 401, 403, 415, 429),
    )
    return Plugin(id="one-tap", endpoints=[endpoint])


class _OneTap:
    def __init__(self, options: OneTapOptions) -> None:
        self._options = options
        self._verifiers: dict[tuple[str, ...], IdTokenVerifier] = {}

    async def callback(self, ctx: EndpointContext) -> dict[str, Any]:
        """Sign in by an ID token."""
        google = ctx.auth.social_providers.get(_PROVIDER)
        identity = await self._identify(ctx.body["idToken"], google)
        closed = self._options.disable_signup or bool(google and google.disable_sign_up)
        overrides = google is not None and google.override_user_info_on_sign_in
        try:
            signed_in = await sign_in(
                ctx, identity, allow_sign_up=not closed, override_user_info=overrides
            )
        except OAuthFlowError as error:
            raise APIError(401, message=str(error)) from None
        ctx.start_session(signed_in.session, remember=None)
        user = ctx.auth.output.user(signed_in.user)
        return {"token": signed_in.session.token, "user": user}

    async def _identify(self, token: str, google: SocialProvider | None) -> Identity:
        tokens = Tokens(id_token=token, scopes=_SCOPES)
        verifier = self._verifier(google)
        try:
            claims = await verifier.verify(token, nonce=None)
            user, data = await _read(google, tokens, claims)
        except ProviderError as error:
            error.log(_PROVIDER, "one tap")
            raise APIError(400, message="invalid id token") from None
        profile = to_profile(claims["sub"], user, data)
        if profile.email is None:
            raise APIError(400, message="Email not available in token")
        return Identity(_PROVIDER, profile, tokens)

    def _verifier(self, google: SocialProvider | None) -> IdTokenVerifier:
        """Return what holds Google's keys; which client ids there are is known by a request."""
        named = self._options.client_id or (google.client_ids if google else ())
        ids = (named,) if isinstance(named, str) else tuple(named)
        if not ids:
            raise APIError(400, message=_NO_CLIENT_ID)
        if ids not in self._verifiers:
            any_domain, url = {"hd": None}, self._options.jwks_url
            self._verifiers[ids] = verifier_for(GOOGLE_ID_TOKENS, any_domain, ids, url)
        return self._verifiers[ids]


async def _read(
    google: SocialProvider | None, tokens: Tokens, claims: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the user's fields and the profile, as the provider reads them where there is one."""
    if google is not None:
        info = await google.account_info(tokens)
        return info.user, info.data
    user = {"name": claims.get("name"), "email": claims.get("email")}
    verified = to_bool(claims.get("email_verified"))
    return {**user, "image": claims.get("picture"), "emailVerified": verified}, claims
