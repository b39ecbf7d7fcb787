"""How passkeys are made."""

import base64
import secrets
import string
from typing import Any

from sqlalchemy import Text, bindparam, func, literal_column, select

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.extras import needs
from authward.plugins.passkey.challenges import (
    Challenge,
    base64url,
    keep_challenge,
    new_challenge,
    take_challenge,
)
from authward.plugins.passkey.codes import PasskeyCode
from authward.plugins.passkey.options import (
    PasskeyOptions,
    RegistrationResult,
    RegistrationUser,
    RegistrationVerified,
    ResolveUser,
)
from authward.plugins.passkey.site import (
    MODEL,
    TIMEOUT,
    descriptors,
    origins,
    rp_id,
    wanted_extensions,
)
from authward.storage.adapter import Row
from authward.storage.rows import AuthUser
from authward.storage.statements import Statement
from authward.text import is_storable
from authward.timestamps import now

with needs("passkey"):
    import webauthn
    from webauthn.helpers import base64url_to_bytes

_ALGORITHMS = (-8, -7, -257)
_HANDLE = string.ascii_lowercase + string.digits
_HANDLE_LENGTH = 32
_TRANSPORTS = {"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"}
_KEY = func.hashtextextended(bindparam("key", type_=Text), literal_column("0"))
_LOCK = Statement(select(func.pg_advisory_xact_lock(_KEY)))


class Registration:
    """The endpoints, with the plugin's options."""

    def __init__(self, options: PasskeyOptions) -> None:
        self._options = options
        self._hooks = options.registration

    async def options(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return what `navigator.credentials.create` takes."""
        user = await self._user(ctx)
        challenge, context = new_challenge(), ctx.query.get("context")
        shown = {"name": user.name, "displayName": user.display_name}
        kept = {"id": user.id, **{name: text for name, text in shown.items() if text is not None}}
        await keep_challenge(
            ctx,
            self._options,
            "registration",
            {"expectedChallenge": challenge, "userData": kept, "context": context},
        )
        extensions = await wanted_extensions(ctx, self._hooks.extensions)
        return {
            "challenge": challenge,
            "rp": {"name": self._rp_name(ctx), "id": rp_id(ctx, self._options)},
            "user": {
                "id": base64url(_handle()),
                "name": ctx.query.get("name") or user.name or user.id,
                "displayName": user.display_name or user.name or user.id,
            },
            "pubKeyCredParams": [{"alg": each, "type": "public-key"} for each in _ALGORITHMS],
            "timeout": TIMEOUT,
            "attestation": "none",
            "excludeCredentials": await descriptors(ctx, user.id),
            "authenticatorSelection": self._selection(ctx),
            "extensions": {**(extensions or {}), "credProps": True},
            "hints": [],
        }

    def _rp_name(self, ctx: EndpointContext) -> str:
        return self._options.rp_name or ctx.auth.options.app_name

    def _selection(self, ctx: EndpointContext) -> dict[str, Any]:
        wanted = self._options.authenticator_selection
        attachment = ctx.query.get("authenticatorAttachment") or wanted.authenticator_attachment
        return {
            "residentKey": wanted.resident_key,
            "userVerification": wanted.user_verification,
            **({"authenticatorAttachment": attachment} if attachment else {}),
            "requireResidentKey": wanted.resident_key == "required",
        }

    async def _user(self, ctx: EndpointContext) -> RegistrationUser:
        current = await ctx.current_session()
        if current is not None:
            name = current.user.email or current.user.id
            return RegistrationUser(current.user.id, name, name)
        if self._hooks.resolve_user is None:
            raise APIError(PasskeyCode.RESOLVE_USER_REQUIRED)
        found = await self._hooks.resolve_user(ResolveUser(ctx, ctx.query.get("context")))
        if found is None or not found.id or not found.name:
            raise APIError(PasskeyCode.RESOLVED_USER_INVALID)
        return found

    async def verify(self, ctx: EndpointContext) -> dict[str, Any]:
        """Keep a new passkey, and sign in with it if that is wanted."""
        if not (allowed := origins(ctx, self._options)):
            raise APIError(PasskeyCode.FAILED_TO_VERIFY_REGISTRATION)
        challenge = await take_challenge(ctx, self._options, "registration")
        current = await ctx.current_session()
        me = current.user.id if current else None
        if me is not None and challenge.user.get("id") != me:
            raise APIError(PasskeyCode.YOU_ARE_NOT_ALLOWED_TO_REGISTER_THIS_PASSKEY)
        verified = self._verified(ctx, challenge, allowed)
        owner, name = await self._owner(ctx, challenge, verified, me)
        user = await self._existing(ctx, owner) if ctx.body.get("createSession") else None
        async with ctx.transaction():
            row = await self._keep(ctx, verified, owner, name)
            passkey = ctx.auth.adapter.to_json(MODEL, row)
            return passkey | await self._signed_in(ctx, user) if user else passkey

    def _verified(self, ctx: EndpointContext, challenge: Challenge, allowed: list[str]) -> Any:
        try:
            return webauthn.verify_registration_response(
                credential=ctx.body.get("response"),
                expected_challenge=base64url_to_bytes(challenge.challenge),
                expected_rp_id=rp_id(ctx, self._options),
                expected_origin=allowed,
            )
        except Exception:  # noqa: BLE001 - whatever is wrong with what a browser sent
            raise APIError(PasskeyCode.FAILED_TO_VERIFY_REGISTRATION) from None

    async def _owner(
        self, ctx: EndpointContext, challenge: Challenge, verified: Any, me: str | None
    ) -> tuple[str, str | None]:
        """Return whose the passkey will be, and its name."""
        known = challenge.user
        owner, name = known.get("id") or "", (ctx.body.get("name") or "").strip() or None
        if self._hooks.after_verification is not None:
            user = RegistrationUser(owner, known.get("name") or owner, known.get("displayName"))
            response = ctx.body["response"]
            event = RegistrationVerified(ctx, verified, user, response, challenge.context)
            result = await self._hooks.after_verification(event) or RegistrationResult()
            if result.user_id and me is not None and result.user_id != me:
                raise APIError(PasskeyCode.YOU_ARE_NOT_ALLOWED_TO_REGISTER_THIS_PASSKEY)
            owner, name = result.user_id or owner, name or (result.name or "").strip() or None
        if not owner or not isinstance(owner, str):
            raise APIError(PasskeyCode.RESOLVED_USER_INVALID)
        if name is not None and not is_storable(name):
            raise APIError(PasskeyCode.FAILED_TO_VERIFY_REGISTRATION)
        return owner, name

    @staticmethod
    async def _existing(ctx: EndpointContext, user_id: str) -> AuthUser:
        user = await ctx.auth.users.find(ctx.database, user_id)
        if user is None:
            raise APIError(PasskeyCode.USER_NOT_FOUND)
        return user

    @staticmethod
    async def _keep(ctx: EndpointContext, verified: Any, owner: str, name: str | None) -> Row:
        """Insert the row; a credential that somebody has already is refused, as WebAuthn asks."""
        adapter, credential = ctx.auth.adapter, base64url(verified.credential_id)
        await _LOCK.fetch(ctx.database, key=f"passkey:{credential}")
        if await adapter.find_one(ctx.database, MODEL, {"credentialID": credential}):
            raise APIError(PasskeyCode.PREVIOUSLY_REGISTERED)
        if await ctx.auth.users.lock(ctx.database, owner) is None:
            raise APIError(PasskeyCode.USER_NOT_FOUND)
        values = {
            "name": name,
            "userId": owner,
            "credentialID": credential,
            "publicKey": base64.b64encode(verified.credential_public_key).decode(),
            "counter": verified.sign_count,
            "deviceType": _device_type(verified.credential_device_type),
            "transports": _transports(ctx.body["response"]),
            "backedUp": verified.credential_backed_up,
            "createdAt": now(),
            "aaguid": verified.aaguid,
        }
        return await adapter.create(ctx.database, MODEL, values)

    @staticmethod
    async def _signed_in(ctx: EndpointContext, user: AuthUser) -> dict[str, Any]:
        session = await ctx.create_session(user.id)
        if session is None:
            raise APIError(PasskeyCode.UNABLE_TO_CREATE_SESSION)
        ctx.start_session(session, remember=None)
        output = ctx.auth.output
        return {"session": output.session(session), "user": output.user(user)}


def _handle() -> bytes:
    return "".join(secrets.choice(_HANDLE) for _ in range(_HANDLE_LENGTH)).encode()


def _transports(response: Any) -> str:
    given = response["response"].get("transports")
    texts = [each for each in given if isinstance(each, str)] if isinstance(given, list) else []
    return ",".join(dict.fromkeys(each for each in texts if each in _TRANSPORTS))


def _device_type(device_type: Any) -> str:
    return {"single_device": "singleDevice", "multi_device": "multiDevice"}[device_type.value]
