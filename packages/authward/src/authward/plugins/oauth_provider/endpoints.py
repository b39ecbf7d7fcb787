"""All endpoints of the provider, below the server's path."""

from authward.endpoint import Endpoint
from authward.oauth.fields import ObjectField
from authward.plugins.oauth_provider import answers
from authward.plugins.oauth_provider.authorize_endpoint import authorize_endpoint
from authward.plugins.oauth_provider.client_endpoints import (
    admin_create_client,
    admin_update_client,
    create_client,
    delete_client,
    get_client,
    get_clients,
    public_client,
    public_client_before_login,
    rotate_secret,
    update_client,
)
from authward.plugins.oauth_provider.client_metadata import (
    ADMIN_FIELDS,
    CREATE_CLIENT,
    REGISTRATION,
    UPDATE_CLIENT,
)
from authward.plugins.oauth_provider.consent import CONSENT, CONTINUE, consent, continue_
from authward.plugins.oauth_provider.consents import (
    delete_consent,
    get_consent,
    get_consents,
    update_consent,
)
from authward.plugins.oauth_provider.introspect import introspect
from authward.plugins.oauth_provider.logout import END_SESSION, confirm_end_session, end_session
from authward.plugins.oauth_provider.registration import register
from authward.plugins.oauth_provider.revoke import revoke
from authward.plugins.oauth_provider.token import token
from authward.plugins.oauth_provider.userinfo import userinfo
from authward.plugins.oauth_provider.validation import (
    ChoiceField,
    ListField,
    OAuthSchema,
    ResourceField,
    TextOrListField,
    TrimmedField,
    URLField,
)
from authward.validation import Field, Schema

_TEXT = Field("string", required=False)
_TOKEN = OAuthSchema(
    {
        "grant_type": TrimmedField(description="`authorization_code`, `refresh_token`, …"),
        "client_id": _TEXT,
        "client_secret": _TEXT,
        "code": _TEXT,
        "code_verifier": _TEXT,
        "redirect_uri": URLField(required=False),
        "refresh_token": _TEXT,
        "resource": TextOrListField(required=False, of=ResourceField(required=False)),
        "scope": _TEXT,
    },
    additional_properties=True,
)
_ABOUT_TOKEN = OAuthSchema(
    {
        "client_id": _TEXT,
        "client_secret": _TEXT,
        "token": Field("string"),
        "token_type_hint": _TEXT,
    }
)
_CLIENT_ID = Schema({"client_id": Field("string")})
_ID = Schema({"id": Field("string")})
_SCOPES = ObjectField(fields={"scopes": ListField(of=Field("string"))})
_UPDATE = ObjectField(fields=UPDATE_CLIENT)
_ADMIN_CREATE = Schema({**CREATE_CLIENT.fields, **ADMIN_FIELDS})
_ADMIN_UPDATE = ObjectField(
    fields={**UPDATE_CLIENT, **{k: v for k, v in ADMIN_FIELDS.items() if k != "subject_type"}}
)

ENDPOINTS = (
    Endpoint(
        path="/oauth2/authorize",
        methods=("GET", "POST"),
        handler=authorize_endpoint,
        forms_only=True,
        response_model=answers.OAuthRedirect,
        redirects=True,
        errors=(400, 404, 415),
    ),
    Endpoint(
        path="/oauth2/consent",
        handler=consent,
        body=CONSENT,
        session="required",
        response_model=answers.OAuthRedirect,
    ),
    Endpoint(
        path="/oauth2/continue",
        handler=continue_,
        body=CONTINUE,
        session="required",
        response_model=answers.OAuthRedirect,
    ),
    Endpoint(
        path="/oauth2/token",
        handler=token,
        body=_TOKEN,
        forms_only=True,
        response_model=answers.OAuthTokens,
        errors=(401,),
    ),
    Endpoint(
        path="/oauth2/introspect",
        handler=introspect,
        body=_ABOUT_TOKEN,
        forms_only=True,
        response_model=answers.TokenIntrospection,
        errors=(401,),
    ),
    Endpoint(
        path="/oauth2/revoke",
        handler=revoke,
        body=_ABOUT_TOKEN,
        forms_only=True,
        response_model=answers.Nothing,
        errors=(401,),
    ),
    Endpoint(
        path="/oauth2/userinfo",
        methods=("GET", "POST"),
        handler=userinfo,
        body=Schema({"access_token": _TEXT}, optional=True),
        forms_only=True,
        response_model=answers.UserInfo,
        errors=(401,),
    ),
    Endpoint(
        path="/oauth2/end-session",
        methods=("GET", "POST"),
        handler=end_session,
        body=END_SESSION,
        query=END_SESSION,
        accept_forms=True,
        response_model=answers.OAuthRedirect,
        redirects=True,
        errors=(401,),
    ),
    Endpoint(
        path="/oauth2/end-session/confirm",
        handler=confirm_end_session,
        body=OAuthSchema({"action": ChoiceField(choices=("confirm",))}),
        forms_only=True,
        response_model=answers.OAuthRedirect,
        redirects=True,
    ),
    Endpoint(
        path="/oauth2/register",
        handler=register,
        body=REGISTRATION,
        response_model=answers.OAuthClient,
        errors=(401, 403),
    ),
    Endpoint(
        path="/oauth2/create-client",
        handler=create_client,
        body=CREATE_CLIENT,
        session="required",
        response_model=answers.OAuthClient,
    ),
    Endpoint(
        path="/admin/oauth2/create-client",
        handler=admin_create_client,
        body=_ADMIN_CREATE,
        session="required",
        server_only=True,
        response_model=answers.OAuthClient,
    ),
    Endpoint(
        path="/oauth2/get-client",
        methods=("GET",),
        handler=get_client,
        query=_CLIENT_ID,
        session="required",
        response_model=answers.OAuthClient,
        errors=(404,),
    ),
    Endpoint(
        path="/oauth2/public-client",
        methods=("GET",),
        handler=public_client,
        query=_CLIENT_ID,
        session="required",
        response_model=answers.OAuthClient,
        errors=(404,),
    ),
    Endpoint(
        path="/oauth2/public-client-prelogin",
        handler=public_client_before_login,
        body=Schema({"client_id": Field("string"), "oauth_query": _TEXT}),
        response_model=answers.OAuthClient,
        errors=(401, 404),
    ),
    Endpoint(
        path="/oauth2/get-clients",
        methods=("GET",),
        handler=get_clients,
        session="required",
        response_model=list[answers.OAuthClient],
    ),
    Endpoint(
        path="/oauth2/update-client",
        handler=update_client,
        body=Schema({"client_id": Field("string"), "update": _UPDATE}),
        session="required",
        response_model=answers.OAuthClient,
        errors=(404,),
    ),
    Endpoint(
        path="/admin/oauth2/update-client",
        methods=("PATCH",),
        handler=admin_update_client,
        body=Schema({"client_id": Field("string"), "update": _ADMIN_UPDATE}),
        session="required",
        server_only=True,
        response_model=answers.OAuthClient,
        errors=(404,),
    ),
    Endpoint(
        path="/oauth2/client/rotate-secret",
        handler=rotate_secret,
        body=_CLIENT_ID,
        session="required",
        response_model=answers.OAuthClient,
        errors=(404,),
    ),
    Endpoint(
        path="/oauth2/delete-client",
        handler=delete_client,
        body=_CLIENT_ID,
        session="required",
        response_model=answers.Nothing,
        errors=(404,),
    ),
    Endpoint(
        path="/oauth2/get-consent",
        methods=("GET",),
        handler=get_consent,
        query=_ID,
        session="required",
        response_model=answers.OAuthConsent,
        errors=(404,),
    ),
    Endpoint(
        path="/oauth2/get-consents",
        methods=("GET",),
        handler=get_consents,
        session="required",
        response_model=list[answers.OAuthConsent],
    ),
    Endpoint(
        path="/oauth2/update-consent",
        handler=update_consent,
        body=Schema({"id": Field("string"), "update": _SCOPES}),
        session="required",
        response_model=answers.OAuthConsent,
        errors=(404,),
    ),
    Endpoint(
        path="/oauth2/delete-consent",
        handler=delete_consent,
        body=_ID,
        session="required",
        response_model=answers.Nothing,
        errors=(404,),
    ),
)
