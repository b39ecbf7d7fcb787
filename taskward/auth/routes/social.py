"""`/sign-in/social`, `/link-social`, `/callback/{provider}`."""

from collections.abc import Mapping
from typing import Any, NoReturn

from ada_url import URLSearchParams

from taskward.auth import schemas
from taskward.auth.endpoint import Endpoint
from taskward.auth.errors import APIError
from taskward.auth.exchange import Exchange, user_json
from taskward.auth.passwords import well_formed
from taskward.auth.social import state
from taskward.auth.social.account_store import Identity
from taskward.auth.social.accounts import sign_in
from taskward.auth.social.callback import find_provider, identify, redirect_uri
from taskward.auth.social.errors import ProviderError
from taskward.auth.social.fields import ObjectField, ProviderField, RecordField, TextsField
from taskward.auth.social.linking import link_from_callback, link_from_id_token, remember_link
from taskward.auth.social.provider import AuthorizationRequest, SocialProvider, Tokens, text
from taskward.auth.social.redirects import RefusedError, redirect_to_error
from taskward.auth.validation import Field, Schema

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


async def sign_in_social(exchange: Exchange) -> dict[str, Any]:
    """Say where to send the browser, or sign in with an ID token."""
    provider = await _require_provider(exchange)
    if exchange.body.get("idToken"):
        return await _sign_in_with_id_token(exchange, provider)
    return await _begin(exchange, provider, link=None)


async def link_social(exchange: Exchange) -> dict[str, Any]:
    """Say where to send the browser to link one more account, or link with an ID token."""
    provider = await _require_provider(exchange)
    if exchange.body.get("idToken"):
        await link_from_id_token(exchange, await _identity_from_id_token(exchange, provider))
        return {"url": "", "status": True, "redirect": False}
    return await _begin(exchange, provider, link=remember_link(exchange))


async def callback(exchange: Exchange) -> NoReturn:
    """Take the browser back from the provider."""
    begun = await _finish_state(exchange)
    query = exchange.query
    if query.get("error"):
        redirect_to_error(exchange, begun.error_url, query["error"], query.get("error_description"))
    try:
        await _let_in(exchange, begun, await identify(exchange, begun))
    except RefusedError as error:
        redirect_to_error(exchange, begun.error_url, error.code)


async def callback_by_form(exchange: Exchange) -> NoReturn:
    """Take the browser back from a provider that answers by a form.

    It comes without our cookies, because another site has posted it; a GET brings them along.
    """
    sent = {**exchange.body, **exchange.query}
    parameters = URLSearchParams("")
    for name in _CALLBACK:
        if name in sent:
            parameters.set(name, well_formed(sent[name]))
    exchange.redirect(f"{redirect_uri(exchange, exchange.parameters['provider'])}?{parameters}")


async def _require_provider(exchange: Exchange) -> SocialProvider:
    provider = await find_provider(exchange, exchange.body["provider"])
    if provider is None:
        raise APIError(404, "PROVIDER_NOT_FOUND")
    return provider


async def _begin(
    exchange: Exchange, provider: SocialProvider, link: state.Link | None
) -> dict[str, Any]:
    body, verifier = exchange.body, state.random_text(_VERIFIER_LENGTH)
    nonce = state.random_text(_NONCE_LENGTH) if provider.requires_nonce else None
    url = provider.authorization_url(
        AuthorizationRequest(
            state=await state.begin(exchange, verifier, nonce=nonce, link=link),
            code_verifier=verifier,
            redirect_uri=redirect_uri(exchange, provider.id),
            nonce=nonce,
            scopes=body.get("scopes", ()),
            login_hint=body.get("loginHint"),
            additional=body.get("additionalParams", {}),
        )
    )
    redirects = not body.get("disableRedirect")
    if redirects:
        exchange.set_location(url)
    return {"url": url, "redirect": redirects}


async def _sign_in_with_id_token(exchange: Exchange, provider: SocialProvider) -> dict[str, Any]:
    identity = await _identity_from_id_token(exchange, provider)
    may_sign_up = provider.lets_sign_up(requested=exchange.body.get("requestSignUp", False))
    try:
        signed_in = await sign_in(exchange, identity, may_sign_up=may_sign_up, overrides=False)
    except RefusedError as error:
        raise APIError(401, "OAUTH_LINK_ERROR", str(error)) from None
    exchange.start_session(signed_in.session, remember=None)
    token, user = signed_in.session["token"], user_json(signed_in.user)
    return {"redirect": False, "token": token, "user": user}


async def _identity_from_id_token(exchange: Exchange, provider: SocialProvider) -> Identity:
    if not provider.takes_id_tokens:
        raise APIError(404, "ID_TOKEN_NOT_SUPPORTED")
    sent = exchange.body["idToken"]
    try:
        profile = await provider.profile_from_id_token(sent["token"], nonce=sent.get("nonce"))
    except ProviderError:
        raise APIError(401, "INVALID_TOKEN") from None
    if profile is None:
        raise APIError(401, "FAILED_TO_GET_USER_INFO")
    if not profile.email:
        raise APIError(401, "USER_EMAIL_NOT_FOUND")
    return Identity(provider.id, profile, _tokens_sent(exchange, sent))


def _tokens_sent(exchange: Exchange, sent: Mapping[str, Any]) -> Tokens:
    """The original keeps a refresh token that was sent only where an account is linked."""
    links = exchange.request.url.path.endswith("/link-social")
    return Tokens(
        access_token=text(sent.get("accessToken")),
        refresh_token=text(sent.get("refreshToken")) if links else None,
        id_token=text(sent["token"]),
    )


async def _finish_state(exchange: Exchange) -> state.State:
    if not exchange.query.get("state"):
        redirect_to_error(exchange, None, "state_not_found")
    try:
        return await state.finish(exchange, exchange.query["state"])
    except state.StateError as error:
        redirect_to_error(exchange, error.error_url, error.code)


async def _let_in(exchange: Exchange, begun: state.State, identity: Identity) -> NoReturn:
    if begun.link is not None:
        await link_from_callback(exchange, begun.link, identity)
        exchange.redirect(begun.callback_url)
    if not identity.profile.email:
        raise RefusedError("email_not_found")
    provider = exchange.auth.social_providers[identity.provider_id]
    signed_in = await sign_in(
        exchange,
        identity,
        may_sign_up=provider.lets_sign_up(requested=begun.request_sign_up),
        overrides=provider.override_user_info_on_sign_in,
    )
    exchange.set_session_cookies(signed_in.session["token"])
    new_user_url = begun.new_user_url if signed_in.is_new else None
    exchange.redirect(new_user_url or begun.callback_url)


ENDPOINTS = (
    Endpoint(
        path="/sign-in/social",
        handler=sign_in_social,
        body=Schema(_SIGN_IN),
        answer=schemas.SocialSignIn,
        errors=(400, 401, 403, 404, 415, 429),
    ),
    Endpoint(
        path="/link-social",
        handler=link_social,
        body=Schema(_LINK),
        session="required",
        answer=schemas.LinkedAccount,
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
        takes_forms=True,
        errors=(400, 403, 415, 429),
    ),
)
