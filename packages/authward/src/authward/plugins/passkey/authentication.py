"""How passkeys are used: to sign in."""

import base64
from typing import Any

from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.extras import needs
from authward.plugins.passkey.challenges import (
    Challenge,
    keep_challenge,
    new_challenge,
    take_challenge,
)
from authward.plugins.passkey.codes import PasskeyCode
from authward.plugins.passkey.options import AuthenticationVerified, PasskeyOptions
from authward.plugins.passkey.site import (
    MODEL,
    TIMEOUT,
    descriptors,
    origins,
    rp_id,
    wanted_extensions,
)
from authward.storage.adapter import Row
from authward.text import is_storable

with needs("passkey"):
    import webauthn
    from webauthn.helpers import base64url_to_bytes


class Authentication:
    """The endpoints, with the plugin's options."""

    def __init__(self, options: PasskeyOptions) -> None:
        self._options = options
        self._hooks = options.authentication

    async def options(self, ctx: EndpointContext) -> dict[str, Any]:
        """Return what `navigator.credentials.get` takes; also for the browser's autofill."""
        current = await ctx.load_session()
        user_id = current.user.id if current else ""
        challenge = new_challenge()
        values = {"expectedChallenge": challenge, "userData": {"id": user_id}}
        await keep_challenge(ctx, self._options, "authentication", values)
        known = await descriptors(ctx, user_id) if user_id else []
        extensions = await wanted_extensions(ctx, self._hooks.extensions)
        return {
            "rpId": rp_id(ctx, self._options),
            "challenge": challenge,
            **({"allowCredentials": known} if known else {}),
            "timeout": TIMEOUT,
            "userVerification": "preferred",
            **({} if extensions is None else {"extensions": {**extensions}}),
        }

    async def verify(self, ctx: EndpointContext) -> dict[str, Any]:
        """Sign in whose passkey has signed the challenge."""
        if not (allowed := origins(ctx, self._options)):
            raise APIError(400, message="origin missing")
        challenge = await take_challenge(ctx, self._options, "authentication")
        row = await self._row(ctx)
        verified = self._verified(ctx, challenge, row, allowed)
        if self._hooks.after_verification is not None:
            event = AuthenticationVerified(ctx, verified, ctx.body["response"])
            await self._hooks.after_verification(event)
        await self._count(ctx, row, verified.new_sign_count)
        return await self._signed_in(ctx, row["userId"])

    @staticmethod
    async def _row(ctx: EndpointContext) -> Row:
        credential = ctx.body["response"].get("id")
        usable = isinstance(credential, str) and is_storable(credential)
        where = {"credentialID": credential}
        adapter = ctx.auth.adapter
        row = await adapter.find_one(ctx.database, MODEL, where) if usable else None
        if row is None:
            raise APIError(PasskeyCode.PASSKEY_NOT_FOUND)
        return row

    def _verified(
        self, ctx: EndpointContext, challenge: Challenge, row: Row, allowed: list[str]
    ) -> Any:
        try:
            return webauthn.verify_authentication_response(
                credential=ctx.body["response"],
                expected_challenge=base64url_to_bytes(challenge.challenge),
                expected_rp_id=rp_id(ctx, self._options),
                expected_origin=allowed,
                credential_public_key=base64.b64decode(row["publicKey"]),
                credential_current_sign_count=row["counter"],
            )
        except webauthn.helpers.exceptions.InvalidAuthenticationResponse as error:
            # The original has 401 for a wrong signature, and 400 for everything else.
            is_signature = "signature" in str(error)
            status = 401 if is_signature else None
            raise APIError(PasskeyCode.AUTHENTICATION_FAILED, status=status) from None
        except Exception:  # noqa: BLE001 - whatever is wrong with what a browser sent
            raise APIError(PasskeyCode.AUTHENTICATION_FAILED) from None

    @staticmethod
    async def _count(ctx: EndpointContext, row: Row, counter: int) -> None:
        """Note the authenticator's counter, unless the row has changed or gone meanwhile."""
        unchanged = {"id": row["id"], "counter": row["counter"]}
        values = {"counter": counter}
        if not await ctx.auth.adapter.update(ctx.database, MODEL, unchanged, values):
            raise APIError(PasskeyCode.AUTHENTICATION_FAILED)

    @staticmethod
    async def _signed_in(ctx: EndpointContext, user_id: str) -> dict[str, Any]:
        user = await ctx.auth.users.find(ctx.database, user_id)
        session = await ctx.create_session(user_id) if user else None
        if user is None or session is None:
            raise APIError(PasskeyCode.AUTHENTICATION_FAILED)
        ctx.start_session(session, remember=None)
        output = ctx.auth.output
        return {"session": output.session(session), "user": output.user(user)}
