"""The original's options of the plugin, in snake case."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from authward.endpoint_context import EndpointContext
from authward.errors import ConfigurationError
from authward.plugins.schema_options import SchemaOptions


@dataclass(frozen=True, slots=True)
class RegistrationUser:
    """Whose passkey it will be; `name` and `display_name` are what the browser shows."""

    id: str
    name: str
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class ResolveUser:
    """Somebody without a session asks for a passkey; `context` is what the client said of it."""

    ctx: EndpointContext
    context: str | None


@dataclass(frozen=True, slots=True)
class RegistrationVerified:
    """A passkey is right, and not kept yet.

    `verification` is the `webauthn` library's, `client_data` what the browser sent.
    """

    ctx: EndpointContext
    verification: Any
    user: RegistrationUser
    client_data: Mapping[str, Any]
    context: str | None


@dataclass(frozen=True, slots=True)
class RegistrationResult:
    """Another user to give the passkey to, and its name if the client gave none."""

    user_id: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class AuthenticationVerified:
    """Somebody has shown to have a passkey, and is not signed in yet."""

    ctx: EndpointContext
    verification: Any
    client_data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExtensionsWanted:
    """The options of a ceremony are being made."""

    ctx: EndpointContext


Extensions: TypeAlias = (
    Mapping[str, Any] | Callable[[ExtensionsWanted], Awaitable[Mapping[str, Any]]]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyRegistrationOptions:
    """How passkeys are made.

    Args:
        require_session: only for users who are signed in, lately.
        resolve_user: whose a passkey will be, of somebody without a session; None refuses.
        after_verification: may refuse with an APIError, or give the passkey to another user.
        extensions: what the browser is asked for beside the passkey.
    """

    require_session: bool = True
    resolve_user: Callable[[ResolveUser], Awaitable[RegistrationUser | None]] | None = None
    after_verification: (
        Callable[[RegistrationVerified], Awaitable[RegistrationResult | None]] | None
    ) = None
    extensions: Extensions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyAuthenticationOptions:
    """How passkeys are used.

    Args:
        after_verification: may refuse with an APIError.
        extensions: what the browser is asked for beside the signature.
    """

    after_verification: Callable[[AuthenticationVerified], Awaitable[None]] | None = None
    extensions: Extensions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticatorSelection:
    """Which authenticators may be used; the words are those of WebAuthn."""

    authenticator_attachment: Literal["platform", "cross-platform"] | None = None
    resident_key: Literal["discouraged", "preferred", "required"] = "preferred"
    user_verification: Literal["discouraged", "preferred", "required"] = "preferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyAdvancedOptions:
    """The name of the cookie that binds a challenge to a browser."""

    web_authn_challenge_cookie: str = "better-auth-passkey"


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyOptions:
    """The original's options.

    Args:
        rp_id: the domain that passkeys are for, by default the public URL's host.
        rp_name: what the browser calls it.
        origin: where pages may be that use them, by default the origin that asks.
        authenticator_selection: which authenticators may be used.
        registration, authentication: the two ceremonies.
        advanced: the cookie.
        schema: other names for the table and its columns.
    """

    rp_id: str | None = None
    rp_name: str | None = None
    origin: str | Sequence[str] | None = None
    authenticator_selection: AuthenticatorSelection = field(default_factory=AuthenticatorSelection)
    registration: PasskeyRegistrationOptions = field(default_factory=PasskeyRegistrationOptions)
    authentication: PasskeyAuthenticationOptions = field(
        default_factory=PasskeyAuthenticationOptions
    )
    advanced: PasskeyAdvancedOptions = field(default_factory=PasskeyAdvancedOptions)
    schema: SchemaOptions = field(default_factory=dict)


def check_options(options: PasskeyOptions) -> None:
    """Refuse options that cannot work.

    Raises:
        ConfigurationError: it names the option.
    """
    if options.rp_id is not None and ("/" in options.rp_id or ":" in options.rp_id):
        raise ConfigurationError(f"passkey: rp_id is a domain, not {options.rp_id!r}")
    origins = [options.origin] if isinstance(options.origin, str) else options.origin or ()
    for origin in origins:
        if not origin.partition("://")[1] or origin.rstrip("/") != origin:
            raise ConfigurationError(f"passkey: origin is like https://example.com, not {origin!r}")
    if not options.advanced.web_authn_challenge_cookie:
        raise ConfigurationError("passkey: advanced.web_authn_challenge_cookie is empty")
