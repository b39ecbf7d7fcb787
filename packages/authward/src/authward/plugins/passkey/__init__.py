"""`passkey`: sign-in without a password, the original's `@better-auth/passkey`."""

from typing import Any, Literal

from authward.endpoint import Endpoint
from authward.plugin import Plugin
from authward.plugins.passkey import responses
from authward.plugins.passkey.authentication import Authentication
from authward.plugins.passkey.codes import PasskeyCode
from authward.plugins.passkey.fields import Anything, TrimmedText
from authward.plugins.passkey.options import (
    AuthenticationVerified,
    AuthenticatorSelection,
    ExtensionsWanted,
    PasskeyAdvancedOptions,
    PasskeyAuthenticationOptions,
    PasskeyOptions,
    PasskeyRegistrationOptions,
    RegistrationResult,
    RegistrationUser,
    RegistrationVerified,
    ResolveUser,
    check_options,
)
from authward.plugins.passkey.passkeys import delete_passkey, list_passkeys, update_passkey
from authward.plugins.passkey.registration import Registration
from authward.plugins.passkey.site import MODEL
from authward.plugins.schema_options import with_options
from authward.schema.fields import DBField, DBTable, Reference
from authward.schema.responses import SessionAndUser, Status
from authward.validation import Field, Schema
from authward.validation_kinds import Choice, Record

__all__ = [
    "AuthenticationVerified",
    "AuthenticatorSelection",
    "ExtensionsWanted",
    "PasskeyAdvancedOptions",
    "PasskeyAuthenticationOptions",
    "PasskeyCode",
    "PasskeyOptions",
    "PasskeyRegistrationOptions",
    "RegistrationResult",
    "RegistrationUser",
    "RegistrationVerified",
    "ResolveUser",
    "passkey",
]

_TEXT = DBField(type="string")
_OPTIONAL_TEXT = DBField(type="string", required=False)
_TABLES = {
    MODEL: DBTable(
        fields={
            "name": _OPTIONAL_TEXT,
            "publicKey": _TEXT,
            "userId": DBField(type="string", references=Reference("user"), index=True),
            "credentialID": DBField(type="string", index=True),
            "counter": DBField(type="number"),
            "deviceType": _TEXT,
            "backedUp": DBField(type="boolean"),
            "transports": _OPTIONAL_TEXT,
            "createdAt": DBField(type="date", required=False),
            "aaguid": _OPTIONAL_TEXT,
        }
    )
}
_ID = Field("string", description="The passkey's id")


def passkey(options: PasskeyOptions | None = None) -> Plugin:
    """Let users sign in with passkeys (WebAuthn)."""
    chosen = options or PasskeyOptions()
    check_options(chosen)
    session: Literal["fresh"] | None = "fresh" if chosen.registration.require_session else None
    return Plugin(
        id="passkey",
        schema=with_options("passkey", _TABLES, chosen.schema),
        endpoints=[
            *_registration(Registration(chosen), session),
            *_authentication(Authentication(chosen)),
            *_PASSKEYS,
        ],
        error_codes=PasskeyCode,
        examples={"authenticatorAttachment": "platform", "createSession": False},
    )


def _registration(endpoints: Registration, session: Literal["fresh"] | None) -> list[Endpoint]:
    query: dict[str, Field] = {
        "authenticatorAttachment": Choice(
            required=False,
            choices=("platform", "cross-platform"),
            description="Of this device, or of any",
        ),
        "name": Field("string", required=False, description="What the browser calls the user"),
        "context": Field("string", required=False, description="What the application's hooks get"),
    }
    response: Any = Anything(description="What the browser has made")
    return [
        Endpoint(
            path="/passkey/generate-register-options",
            name="generate_passkey_registration_options",
            methods=("GET",),
            handler=endpoints.options,
            query=Schema(query, optional=True),
            session=session,
            response_model=responses.CeremonyOptions,
            errors=(400, 401, 403, 429),
        ),
        Endpoint(
            path="/passkey/verify-registration",
            name="verify_passkey_registration",
            handler=endpoints.verify,
            body=Schema(
                {
                    "response": response,
                    "name": Field("string", required=False, description="The passkey's name"),
                    "createSession": Field("boolean", required=False, description="Sign in too"),
                }
            ),
            session=session,
            response_model=responses.RegisteredPasskey,
            errors=(400, 401, 403, 415, 429),
        ),
    ]


def _authentication(endpoints: Authentication) -> list[Endpoint]:
    return [
        Endpoint(
            path="/passkey/generate-authenticate-options",
            name="generate_passkey_authentication_options",
            methods=("GET",),
            handler=endpoints.options,
            response_model=responses.CeremonyOptions,
            errors=(403, 429),
        ),
        Endpoint(
            path="/passkey/verify-authentication",
            name="verify_passkey_authentication",
            handler=endpoints.verify,
            body=Schema({"response": Record(kind="object", description="What the browser made")}),
            response_model=SessionAndUser,
            errors=(400, 401, 403, 415, 429),
        ),
    ]


_PASSKEYS = (
    Endpoint(
        path="/passkey/list-user-passkeys",
        name="list_passkeys",
        methods=("GET",),
        handler=list_passkeys,
        session="required",
        response_model=list[responses.Passkey],
        errors=(401, 429),
    ),
    Endpoint(
        path="/passkey/delete-passkey",
        name="delete_passkey",
        handler=delete_passkey,
        body=Schema({"id": _ID}),
        session="required",
        response_model=Status,
        errors=(400, 401, 403, 404, 415, 429),
    ),
    Endpoint(
        path="/passkey/update-passkey",
        name="update_passkey",
        handler=update_passkey,
        body=Schema(
            {"id": _ID, "name": TrimmedText("string", nonempty=True, description="Its new name")}
        ),
        session="required",
        response_model=responses.UpdatedPasskey,
        errors=(400, 401, 403, 404, 415, 429),
    ),
)
