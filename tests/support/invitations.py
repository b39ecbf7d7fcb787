"""A plugin as a host could write it, in one file: people invite others by e-mail, once each.

It uses public names of Authward only.
"""

from secrets import token_hex

from pydantic import BaseModel

from authward import (
    APIError,
    BodyField,
    BodySchema,
    DBField,
    DBTable,
    Endpoint,
    EndpointContext,
    ErrorCode,
    Hook,
    Plugin,
    RateLimitRule,
    Reference,
    match_paths,
)

CREATE = """
    INSERT INTO invitation (id, email, "inviterId") VALUES ($1, $2, $3)
    ON CONFLICT (email) DO NOTHING RETURNING id
"""
FIND = "SELECT email FROM invitation WHERE email = $1"


class Invitation(BaseModel):
    """Who is invited."""

    id: str
    email: str


class InvitationCode(ErrorCode):
    """What can go wrong with invitations."""

    ALREADY_INVITED = 409, "Somebody has invited them already"
    NOT_INVITED = 403, "Sign-up is by invitation"


async def invite(ctx: EndpointContext) -> dict[str, str]:
    """Invite somebody by e-mail address."""
    email = ctx.body["email"].lower()
    row = await ctx.auth.pool.fetchrow(CREATE, token_hex(8), email, ctx.session.user.id)
    if row is None:
        raise APIError(InvitationCode.ALREADY_INVITED)
    return {"id": row["id"], "email": email}


async def only_the_invited(ctx: EndpointContext) -> None:
    """Refuse the sign-up of somebody whom nobody has invited."""
    email = ctx.body.get("email") if isinstance(ctx.body, dict) else None
    if isinstance(email, str) and not await ctx.auth.pool.fetchrow(FIND, email.lower()):
        raise APIError(InvitationCode.NOT_INVITED)


def invitations() -> Plugin:
    """Let only those sign up whom somebody has invited."""
    inviter = DBField(type="string", references=Reference("user"), index=True)
    return Plugin(
        id="invitations",
        schema={
            "invitation": DBTable(
                fields={"email": DBField(type="string", unique=True), "inviterId": inviter}
            )
        },
        endpoints=[
            Endpoint(
                path="/invite",
                handler=invite,
                body=BodySchema({"email": BodyField("email", description="Whom to invite")}),
                session="required",
                response_model=Invitation,
                errors=(400, 401, 403, 409, 415, 429),
            )
        ],
        before=[Hook(matcher=match_paths("/sign-up/email"), handler=only_the_invited)],
        rate_limit=[RateLimitRule(60, 2, paths=("/invite",))],
        error_codes=InvitationCode,
    )
