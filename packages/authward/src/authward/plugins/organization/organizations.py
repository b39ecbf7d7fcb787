"""The organizations: `create`, `update`, `delete`, `set-active`, `check-slug`."""

from typing import Any

from asyncpg import UniqueViolationError

from authward.codes import Code
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError
from authward.plugins.organization import store
from authward.plugins.organization.codes import OrganizationCode
from authward.plugins.organization.guard import (
    ORGANIZATION_ID,
    Guard,
    chosen_organization,
    organization_or_refuse,
)
from authward.plugins.organization.responses import (
    NewOrganization,
    Organization,
)
from authward.plugins.organization.teams import make_default_team
from authward.plugins.organization.views import BY_ID_OR_SLUG, by_id_or_slug
from authward.schema import responses as schemas
from authward.storage.adapter import Row
from authward.storage.rows import AuthUser
from authward.text import is_storable
from authward.timestamps import now
from authward.validation import Field, Schema
from authward.validation_kinds import (
    AnyAsText,
    Nested,
    Record,
    TextOrNull,
    js_text,
)

_NAME_MAX_LENGTH = 255
_ERRORS = (400, 401, 403, 404, 415, 429)
_NAME = Field("string", nonempty=True, max_length=_NAME_MAX_LENGTH, description="Its name")
_SLUG = Field("string", nonempty=True, max_length=_NAME_MAX_LENGTH, description="In its URLs")
_LOGO = TextOrNull(required=False, description="The URL of its logo")
_METADATA = Record(required=False, description="Anything")


class Organizations:
    """The endpoints, with the plugin's options."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def create(self, ctx: EndpointContext) -> dict[str, Any]:
        """Make an organization, whose owner is the current user."""
        user = await _creator(ctx)
        by_server = ctx.from_server and bool(ctx.body.get("userId"))
        if not by_server and not await self._may_create(user):
            raise APIError(OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_CREATE_A_NEW_ORGANIZATION)
        values = {n: v for n, v in ctx.body.items() if n not in {"userId", _KEEP}}
        try:
            async with ctx.transaction() as connection:
                await ctx.auth.users.lock(connection, user.id)
                await self._check_limit(ctx, user)
                if await store.find_one(ctx, "organization", slug=values["slug"]):
                    raise APIError(OrganizationCode.ORGANIZATION_ALREADY_EXISTS)
                values |= await self._guard.hook(
                    "before_create_organization", organization=values, user=user
                )
                organization, member, team = await self._make(ctx, user, values)
        except UniqueViolationError:
            raise APIError(OrganizationCode.ORGANIZATION_ALREADY_EXISTS) from None
        await self._guard.hook(
            "after_create_organization", organization=organization, user=user, member=member
        )
        if not ctx.from_server and not ctx.body.get(_KEEP):
            active = {"activeOrganizationId": organization["id"]}
            active |= {"activeTeamId": team["id"]} if team else {}
            await ctx.update_session(ctx.session.session, active)
        shown = store.with_metadata(store.shown(ctx, "organization", organization))
        return {**shown, "members": [store.shown(ctx, "member", member)]}

    async def check_slug(self, ctx: EndpointContext) -> dict[str, bool]:
        """Tell whether a slug is free."""
        if not ctx.from_server:
            await ctx.require_session()
        slug = ctx.body["slug"]
        if not is_storable(slug):
            raise APIError(Code.VALIDATION_ERROR, message="[body.slug] nobody can have it")
        if await store.find_one(ctx, "organization", slug=slug):
            raise APIError(OrganizationCode.ORGANIZATION_SLUG_ALREADY_TAKEN)
        return {"status": True}

    async def update(self, ctx: EndpointContext) -> dict[str, Any]:
        """Change an organization."""
        await _require_session(ctx, message="User not found")
        organization_id = chosen_organization(ctx, OrganizationCode.ORGANIZATION_NOT_FOUND)
        refusal = OrganizationCode.USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION
        member = await self._guard.member(ctx, organization_id, refusal, status=400)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_UPDATE_THIS_ORGANIZATION
        await self._guard.require(ctx, member, {"organization": ["update"]}, refusal)
        data = {n: v for n, v in ctx.body["data"].items() if n in self._update_fields()}
        taken = OrganizationCode.ORGANIZATION_SLUG_ALREADY_TAKEN
        if isinstance(slug := data.get("slug"), str):
            other = await store.find_one(ctx, "organization", slug=slug)
            if other is not None and other["id"] != organization_id:
                raise APIError(taken)
        user = ctx.session.user
        hook = self._guard.hook
        data |= await hook(
            "before_update_organization", organization=data, user=user, member=member
        )
        if "metadata" in data:
            data["metadata"] = store.metadata_text(data["metadata"])
        try:
            changed = await _change(ctx, organization_id, data)
        except UniqueViolationError:
            raise APIError(taken) from None
        await hook("after_update_organization", organization=changed, user=user, member=member)
        return store.with_metadata(store.shown(ctx, "organization", changed))

    async def delete(self, ctx: EndpointContext) -> dict[str, Any]:
        """Delete an organization with everything that belongs to it."""
        if self._guard.options.disable_organization_deletion:
            raise APIError(OrganizationCode.ORGANIZATION_DELETION_DISABLED)
        await _require_session(ctx)
        organization_id = ctx.body["organizationId"]
        if not organization_id:
            raise APIError(OrganizationCode.ORGANIZATION_NOT_FOUND)
        refusal = OrganizationCode.USER_IS_NOT_A_MEMBER_OF_THE_ORGANIZATION
        member = await self._guard.member(ctx, organization_id, refusal, status=400)
        refusal = OrganizationCode.YOU_ARE_NOT_ALLOWED_TO_DELETE_THIS_ORGANIZATION
        await self._guard.require(ctx, member, {"organization": ["delete"]}, refusal)
        found, user = await organization_or_refuse(ctx, organization_id), ctx.session.user
        await self._guard.hook("before_delete_organization", organization=found, user=user)
        async with ctx.transaction():
            for model in ("member", "invitation"):
                await store.delete(ctx, model, organizationId=organization_id)
            await store.delete(ctx, "organization", id=organization_id)
        if ctx.session.session.fields["activeOrganizationId"] == organization_id:
            await store.set_active(ctx, "activeOrganizationId", None)
        await self._guard.hook("after_delete_organization", organization=found, user=user)
        return store.shown(ctx, "organization", found)

    async def set_active(self, ctx: EndpointContext) -> dict[str, Any] | None:
        """Make an organization the active one of this session, or none with null."""
        token = ctx.session.session.token
        active = ctx.session.session.fields["activeOrganizationId"]
        if "organizationId" in ctx.body and ctx.body["organizationId"] is None:
            if active:
                await store.set_active(ctx, "activeOrganizationId", None)
                ctx.set_session_cookies(token)
            return None
        given, slug = ctx.body.get("organizationId"), ctx.body.get("organizationSlug")
        if not given and not slug and not active:
            return None
        found = await by_id_or_slug(ctx, given or (None if slug else active), slug)
        await store.set_active(ctx, "activeOrganizationId", found["id"])
        ctx.set_session_cookies(token)
        return store.shown(ctx, "organization", found)

    async def _may_create(self, user: AuthUser) -> bool:
        allowed = self._guard.options.allow_user_to_create_organization
        return await allowed(user) if callable(allowed) else allowed

    async def _check_limit(self, ctx: EndpointContext, user: AuthUser) -> None:
        limit = self._guard.options.organization_limit
        if limit is None:
            return
        is_reached = (
            await limit(user)
            if callable(limit)
            else await store.count(ctx, "member", userId=user.id) >= limit
        )
        if is_reached:
            raise APIError(OrganizationCode.YOU_HAVE_REACHED_THE_MAXIMUM_NUMBER_OF_ORGANIZATIONS)

    async def _make(
        self, ctx: EndpointContext, user: AuthUser, values: Row
    ) -> tuple[Row, Row, Row | None]:
        text = store.metadata_text(values.get("metadata"))
        created = {**values, "metadata": text, "createdAt": now()}
        organization = await store.create(ctx, "organization", created)
        role = self._guard.options.creator_role
        given = {"userId": user.id, "organizationId": organization["id"], "role": role}
        about = {"user": user, "organization": organization}
        given |= await self._guard.hook("before_add_member", member=given, **about)
        member = await store.create(ctx, "member", {**given, "createdAt": now()})
        await self._guard.hook("after_add_member", member=member, **about)
        team = await make_default_team(ctx, self._guard, user, organization)
        return organization, member, team

    def _update_fields(self) -> dict[str, Field]:
        optional = {
            "name": Field("string", required=False, nonempty=True, max_length=_NAME_MAX_LENGTH),
            "slug": Field("string", required=False, nonempty=True, max_length=_NAME_MAX_LENGTH),
        }
        more = {"logo": _LOGO, "metadata": _METADATA}
        return {**self._guard.additional("organization", partial=True), **optional, **more}

    def endpoints(self) -> list[Endpoint]:
        """Return them."""
        create = {
            "name": _NAME,
            "slug": _SLUG,
            "userId": AnyAsText(required=False, description="Not by HTTP: whose it is"),
            "logo": _LOGO,
            "metadata": _METADATA,
            _KEEP: Field("boolean", required=False, description="It does not become active"),
            **self._guard.additional("organization"),
        }
        data = Nested(fields=self._update_fields(), description="What changes")
        active = {
            "organizationId": TextOrNull(required=False, description="null for none"),
            "organizationSlug": BY_ID_OR_SLUG["organizationSlug"],
        }
        return [
            Endpoint(
                path="/organization/create",
                handler=self.create,
                body=Schema(create),
                response_model=NewOrganization,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/check-slug",
                handler=self.check_slug,
                body=Schema({"slug": Field("string", description="The slug to ask for")}),
                response_model=schemas.Status,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/update",
                handler=self.update,
                body=Schema({"data": data, "organizationId": ORGANIZATION_ID}),
                response_model=Organization,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/delete",
                handler=self.delete,
                body=Schema({"organizationId": Field("string", description="Its id")}),
                response_model=Organization,
                errors=_ERRORS,
            ),
            Endpoint(
                path="/organization/set-active",
                handler=self.set_active,
                body=Schema(active),
                session="required",
                response_model=Organization | None,
                errors=_ERRORS,
            ),
        ]


_KEEP = "keepCurrentActiveOrganization"


async def _creator(ctx: EndpointContext) -> AuthUser:
    """Return whose organization it will be: the application may name anybody."""
    found = await ctx.load_session()
    if found is not None:
        return found.user
    given = ctx.body.get("userId")
    if not ctx.from_server or not given:
        raise APIError(401)
    user = await ctx.auth.users.find(ctx.auth.pool, store.known(js_text(given)))
    if user is None:
        raise APIError(401)
    return user


async def _require_session(ctx: EndpointContext, message: str | None = None) -> None:
    if await ctx.load_session() is None:
        raise APIError(401, message=message)


async def _change(ctx: EndpointContext, organization_id: str, data: Row) -> Row:
    if not data:
        raise APIError(400, message="No fields to update")
    changed = await store.update(ctx, "organization", {"id": organization_id}, data)
    if changed is None:
        raise APIError(OrganizationCode.ORGANIZATION_NOT_FOUND)
    return changed
