"""`bearer`: session tokens in headers, for clients without cookies."""

from authward.endpoint_context import EndpointContext
from authward.plugin import Hook, Plugin
from authward.security.cookies import decode_uri_component


def bearer() -> Plugin:
    """Take the session token from `Authorization`, and give new ones in `set-auth-token`."""
    return Plugin(
        id="bearer",
        before=[Hook(handler=_accept_bearer_token)],
        after=[Hook(handler=_expose_token)],
    )


async def _accept_bearer_token(ctx: EndpointContext) -> None:
    """Let an `Authorization: Bearer` session token, signed or raw, stand for the cookie."""
    header = ctx.request.headers.get("authorization", "")
    token = header[7:].strip()
    if header[:7].lower() != "bearer " or not token:
        return
    signer = ctx.auth.signer
    decoded = decode_uri_component(token) if "." in token else signer.sign(token)
    if signer.verify(".".join(decoded.split(".")[:2])) is not None:
        ctx.cookies[ctx.auth.cookies.session_token] = decoded


async def _expose_token(ctx: EndpointContext) -> None:
    prefix = f"{ctx.auth.cookies.session_token}="
    cookies = ctx.set_cookies
    set_here = [c for c in cookies if c.startswith(prefix) and "; Max-Age=0;" not in c]
    if set_here:
        value = set_here[-1].removeprefix(prefix).partition(";")[0]
        ctx.expose("set-auth-token", decode_uri_component(value))
