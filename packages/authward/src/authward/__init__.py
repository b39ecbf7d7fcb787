"""A Better Auth server for any FastAPI app.

auth = BetterAuth(BetterAuthOptions(secret=..., base_url="http://localhost:8000"), pool)
auth.install(app)

@app.get("/me")
async def me(user_id: CurrentUser): ...

@app.get("/profile")
async def profile(current: CurrentSession): ...
"""

from authward import plugins
from authward.base_urls import DynamicBaseURL
from authward.callbacks import ChangeEmailLink, EmailLink, PasswordReset
from authward.codes import Code, ErrorCode
from authward.cookie_options import (
    CookieAttributes,
    CookieCacheOptions,
    CookieOptions,
    CrossSubDomainCookies,
)
from authward.database_hooks import DatabaseHook, RowChange
from authward.endpoint import Endpoint
from authward.endpoint_context import EndpointContext
from authward.errors import APIError, ConfigurationError
from authward.fastapi.current_session import CurrentSession
from authward.fastapi.current_user import CurrentUser
from authward.hashing import HashedBy
from authward.identifiers import StoreIdentifier
from authward.options import (
    AccountLinking,
    AccountOptions,
    AdvancedOptions,
    BetterAuthOptions,
    ChangeEmailOptions,
    DatabaseOptions,
    DeleteUserOptions,
    EmailAndPasswordOptions,
    EmailVerificationOptions,
    RateLimitOptions,
    SessionOptions,
    UserOptions,
    VerificationOptions,
)
from authward.plugin import Hook, Plugin, match_paths
from authward.schema import DBField, DBTable, Reference
from authward.schema.style import TableStyle
from authward.secondary_storage import ComparingStorage, InMemoryStorage, SecondaryStorage
from authward.security.rate_limit import Limit, RateLimitRule
from authward.server import BetterAuth
from authward.storage.rows import AuthSession, AuthUser, SessionAndUser
from authward.validation import Field as BodyField
from authward.validation import Schema as BodySchema

__all__ = [
    "APIError",
    "AccountLinking",
    "AccountOptions",
    "AdvancedOptions",
    "AuthSession",
    "AuthUser",
    "BetterAuth",
    "BetterAuthOptions",
    "BodyField",
    "BodySchema",
    "ChangeEmailLink",
    "ChangeEmailOptions",
    "Code",
    "ComparingStorage",
    "ConfigurationError",
    "CookieAttributes",
    "CookieCacheOptions",
    "CookieOptions",
    "CrossSubDomainCookies",
    "CurrentSession",
    "CurrentUser",
    "DBField",
    "DBTable",
    "DatabaseHook",
    "DatabaseOptions",
    "DeleteUserOptions",
    "DynamicBaseURL",
    "EmailAndPasswordOptions",
    "EmailLink",
    "EmailVerificationOptions",
    "Endpoint",
    "EndpointContext",
    "ErrorCode",
    "HashedBy",
    "Hook",
    "InMemoryStorage",
    "Limit",
    "PasswordReset",
    "Plugin",
    "RateLimitOptions",
    "RateLimitRule",
    "Reference",
    "RowChange",
    "SecondaryStorage",
    "SessionAndUser",
    "SessionOptions",
    "StoreIdentifier",
    "TableStyle",
    "UserOptions",
    "VerificationOptions",
    "match_paths",
    "plugins",
]
