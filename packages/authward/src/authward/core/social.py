"""`/sign-in/social`, `/link-social`, `/callback/{provider}`."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn

from ada_url import URLSearchParams

from authward.codes import Code
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.endpoint_response import LOCATION_MAX_LENGTH
from authward.errors import APIError
from authward.oauth.account_store import Identity
from authward.oauth.callback import find_provider, identify, redirect_uri
from authward.oauth.errors import OAuthFlowError, ProviderError
from authward.oauth.fields import ObjectField, ProviderField, RecordField, TextsField
from authward.oauth.linking import account_link, link_from_callback, link_from_id_token
from authward.oauth.oauth_sign_in import sign_in
from authward.oauth.provider import AuthorizationRequest, SocialProvider, Tokens
from authward.oauth.redirects import redirect_to_error
from authward.oauth.state import (
    AccountLink,
    OAuthState,
    OAuthStateError,
    generate_state,
    parse_state,
    random_text,
)
from authward.schema import responses as schemas
from authward.storage.new_sessions import BannedUserError
from authward.text import storable_text, to_well_formed
from authward.validation import Field, Schema

_VERIFIER_LENGTH = 128
_NONCE_LENGTH = 32


def _string(description: str = "") -> Field:
    return Field("string", required=False, description=description)


_NAME = {"firstName": _string(), "lastName": _string()}
_APPLE_USER = {
    "name": ObjectField(required=False, fields=_NAME),
    "email": _string(),
}
_ID_TOKEN = {
    "token": Field("string"),
    "nonce": _string(),
    "accessToken": _string(),
    "refreshToken": _string(),
}
_ID_TOKEN_TO_SIGN_IN = _ID_TOKEN | {
    "expiresAt": Field("number", required=False),
    "user": ObjectField(required=False, fields=_APPLE_USER),
}
_PROVIDER = ProviderField(description="`github`, `google`, or another that is configured")
_REDIRECT = Field("boolean", required=False, description="true: only the URL, not the redirect")
_SCOPES = TextsField(required=False, description="What to ask for beside the usual")
_REQUEST_SIGN_UP = Field(
    "boolean", required=False, description="Sign up where it must be asked for"
)
_LOGIN_HINT = _string("Whom the provider may expect, such as an e-mail address")
_PARAMETERS = RecordField(required=False, texts=True, description="More for the provider")
_DATA = RecordField(required=False, description="Kept until the browser is back")
_SIGN_IN = {
    "callbackURL": _string("Where the browser goes in the end"),
    "newUserCallbackURL": _string("Where it goes after a sign-up"),
    "errorCallbackURL": _string("Where it goes if something fails"),
    "provider": _PROVIDER,
    "disableRedirect": _REDIRECT,
    "idToken": ObjectField(required=False, fields=_ID_TOKEN_TO_SIGN_IN),
    "scopes": _SCOPES,
    "requestSignUp": _REQUEST_SIGN_UP,
    "loginHint": _LOGIN_HINT,
    "additionalParams": _PARAMETERS,
    "additionalData": _DATA,
}
_LINK = {
    "callbackURL": _string("Where the browser goes in the end"),
    "provider": _PROVIDER,
    "idToken": ObjectField(required=False, fields=_ID_TOKEN),
    "requestSignUp": _REQUEST_SIGN_UP,
    "scopes": _SCOPES,
    "errorCallbackURL": _string("Where it goes if something fails"),
    "disableRedirect": _REDIRECT,
    "loginHint": _LOGIN_HINT,
    "additionalParams": _PARAMETERS,
    "additionalData": _DATA,
}
_CALLBACK = {
    name: Field("string", required=False)
    for name in ("code", "error", "device_id", "error_description", "state", "user", "iss")
}


async def sign_in_social(ctx: EndpointContext) -> dict[str, Any]:
    """Say where to send the browser, or sign in with an ID token."""
    provider = await _require_provider(ctx)
    if ctx.body.get("idToken"):
        return await _sign_in_with_id_token(ctx, provider)
    return await _authorization_response(ctx, provider, link=None)


async def link_social(ctx: EndpointContext) -> dict[str, Any]:
    """Say where to send the browser to link one more account, or link with an ID token."""
    provider = await _require_provider(ctx)
    if ctx.body.get("idToken"):
        await link_from_id_token(ctx, await _identity_from_id_token(ctx, provider))
        return {"url": "", "status": True, "redirect": False}
    return await _authorization_response(ctx, provider, link=account_link(ctx))


async def callback(ctx: EndpointContext) -> NoReturn:
    """Take the browser back from the provider."""
    state = await _parse_state(ctx)
    query = ctx.query
    if query.get("error"):
        redirect_to_error(ctx, state.error_url, query["error"], query.get("error_description"))
    try:
        await _complete_sign_in(ctx, state, await identify(ctx, state))
    except OAuthFlowError as error:
        redirect_to_error(ctx, state.error_url, error.code)
    except BannedUserError as error:
        redirect_to_error(ctx, state.error_url, error.code or error.message, error.message)
    except APIError as error:
        if error.status != HTTPStatus.FORBIDDEN or error.code is None:
            raise
        redirect_to_error(ctx, state.error_url, error.code, error.message)


async def callback_by_form(ctx: EndpointContext) -> NoReturn:
    """Take the browser back from a provider that answers by a form.

    It comes without our cookies, because another site has posted it; a GET brings them along.
    """
    sent = {**ctx.body, **ctx.query}
    parameters = URLSearchParams("")
    for name in _CALLBACK:
        if name in sent:
            parameters.set(name, to_well_formed(sent[name]))
    ctx.redirect(f"{redirect_uri(ctx, ctx.path_params['provider'])}?{parameters}")


async def _require_provider(ctx: EndpointContext) -> SocialProvider:
    provider = await find_provider(ctx, ctx.body["provider"])
    if provider is None:
        raise APIError(Code.PROVIDER_NOT_FOUND)
    return provider


async def _authorization_response(
    ctx: EndpointContext, provider: SocialProvider, link: AccountLink | None
) -> dict[str, Any]:
    body, verifier = ctx.body, random_text(_VERIFIER_LENGTH)
    nonce = random_text(_NONCE_LENGTH) if provider.requires_nonce else None
    url = provider.authorization_url(
        AuthorizationRequest(
            state=await generate_state(ctx, verifier, nonce=nonce, link=link),
            code_verifier=verifier,
            redirect_uri=redirect_uri(ctx, provider.id),
            nonce=nonce,
            scopes=body.get("scopes", ()),
            login_hint=body.get("loginHint"),
            additional=body.get("additionalParams", {}),
        )
    )
    if len(url) > LOCATION_MAX_LENGTH:
        raise APIError(Code.VALIDATION_ERROR, message="Too big for a URL")
    redirects = not body.get("disableRedirect")
    if redirects:
        ctx.set_location(url)
    return {"url": url, "redirect": redirects}


async def _sign_in_with_id_token(ctx: EndpointContext, provider: SocialProvider) -> dict[str, Any]:
    identity = await _identity_from_id_token(ctx, provider)
    allow_sign_up = provider.allows_sign_up(requested=ctx.body.get("requestSignUp", False))
    try:
        signed_in = await sign_in(
            ctx, identity, allow_sign_up=allow_sign_up, override_user_info=False
        )
    except OAuthFlowError as error:
        raise APIError(Code.OAUTH_LINK_ERROR, message=str(error)) from None
    ctx.start_session(signed_in.session, remember=None)
    token, user = signed_in.session.token, ctx.auth.output.user(signed_in.user)
    return {"redirect": False, "token": token, "user": user}


async def _identity_from_id_token(ctx: EndpointContext, provider: SocialProvider) -> Identity:
    if not provider.supports_id_tokens:
        raise APIError(Code.ID_TOKEN_NOT_SUPPORTED)
    sent = ctx.body["idToken"]
    try:
        given = Tokens(
            access_token=sent.get("accessToken"), id_token=sent["token"], user=sent.get("user")
        )
        profile = await provider.profile_from_id_token(given, nonce=sent.get("nonce"))
    except ProviderError:
        raise APIError(Code.INVALID_TOKEN, status=401) from None
    if profile is None:
        raise APIError(Code.FAILED_TO_GET_USER_INFO)
    if not profile.email:
        raise APIError(Code.USER_EMAIL_NOT_FOUND)
    return Identity(provider.id, profile, _tokens_sent(ctx, sent))


def _tokens_sent(ctx: EndpointContext, sent: Mapping[str, Any]) -> Tokens:
    """The original keeps a refresh token that was sent only where an account is linked."""
    links = ctx.request.url.path.endswith("/link-social")
    return Tokens(
        access_token=storable_text(sent.get("accessToken")),
        refresh_token=storable_text(sent.get("refreshToken")) if links else None,
        id_token=storable_text(sent["token"]),
    )


async def _parse_state(ctx: EndpointContext) -> OAuthState:
    if not ctx.query.get("state"):
        redirect_to_error(ctx, None, "state_not_found")
    try:
        return await parse_state(ctx, ctx.query["state"])
    except OAuthStateError as error:
        redirect_to_error(ctx, error.error_url, error.code)


async def _complete_sign_in(
    ctx: EndpointContext, state: OAuthState, identity: Identity
) -> NoReturn:
    if state.link is not None:
        await link_from_callback(ctx, state.link, identity)
        ctx.redirect(state.callback_url)
    if not identity.profile.email:
        raise OAuthFlowError("email_not_found")
    provider = ctx.auth.social_providers[identity.provider_id]
    signed_in = await sign_in(
        ctx,
        identity,
        allow_sign_up=provider.allows_sign_up(requested=state.request_sign_up),
        override_user_info=provider.override_user_info_on_sign_in,
    )
    ctx.set_session_cookies(signed_in.session.token)
    new_user_url = state.new_user_url if signed_in.is_new else None
    ctx.redirect(new_user_url or state.callback_url)


ENDPOINTS = (
    Endpoint(
        path="/sign-in/social",
        handler=sign_in_social,
        body=Schema(_SIGN_IN),
        response_model=schemas.SocialSignIn,
        errors=(400, 401, 403, 404, 415, 429),
    ),
    Endpoint(
        path="/link-social",
        handler=link_social,
        body=Schema(_LINK),
        session="required",
        response_model=schemas.LinkedAccount,
        errors=(400, 401, 403, 404, 409, 415, 417, 429),
    ),
    Endpoint(
        path="/callback/{provider}",
        methods=("GET",),
        handler=callback,
        query=Schema(_CALLBACK),
        errors=(400, 429),
    ),
    Endpoint(
        path="/callback/{provider}",
        handler=callback_by_form,
        body=Schema(_CALLBACK, optional=True),
        query=Schema(_CALLBACK),
        accept_forms=True,
        errors=(400, 403, 415, 429),
    ),
)
