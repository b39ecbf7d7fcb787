"""Settings: every environment variable, typed and checked once at start.

They are read from the environment, then from `.env` in the working directory. What is wrong is
refused by name, before anything else starts; secrets are masked in every message.
"""

import os
import sys
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from authward import plugins
from authward.cookie_checks import check_cookie_name, is_below
from authward.security.origins import (
    TrustedOrigins,
    check_trusted_origin,
    with_loopback_twins,
)
from taskward.database.url import DatabaseURL
from taskward.dotenv_file import ENCODING, read_dotenv
from taskward.secret import SECRET_MIN_LENGTH, check_secret, generated_secret

_NAME_MAX_BYTES = 255  # in every file system that matters

WEB = Path(__file__).resolve().parent / "web"

_FOLLOWS_FROM_ANOTHER = "default_factory_not_called"
"""pydantic's word for a default that would follow from a setting which is wrong itself."""

PROVIDER_SETTINGS = (
    ("github_client_id", "github_client_secret"),
    ("google_client_id", "google_client_secret"),
    ("oidc_discovery_url", "oidc_client_id", "oidc_client_secret"),
)


class Settings(BaseSettings):
    """What can be configured; each field's name in capitals is its environment variable."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding=ENCODING,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = None
    better_auth_secret: SecretStr | None = None
    better_auth_secrets: SecretStr | None = None
    better_auth_jwks_url: str | None = None
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    web_concurrency: Annotated[int, Field(ge=1, le=1024)] = 1
    keep_alive: Annotated[int, Field(ge=1, le=86_400)] = 75
    better_auth_url: str = Field(default_factory=lambda valid: f"http://localhost:{valid['port']}")
    better_auth_trusted_origins: Annotated[tuple[str, ...], NoDecode] = ("http://localhost:3000",)
    better_auth_plugins: Annotated[tuple[str, ...], NoDecode] = ()
    better_auth_tables: Literal["prisma", "drizzle"] | None = None
    better_auth_generate_id: Literal["uuid", "serial"] | None = None
    mcp_enabled: bool = Field(default_factory=lambda valid: is_safe_for_tokens(valid))  # noqa: PLW0108 - is below
    mcp_dynamic_registration: bool = True
    mcp_client_id_metadata: bool = True
    mcp_first_party_tokens: bool = True
    oauth_login_page: str = "/sign-in"
    oauth_consent_page: str = "/consent"
    oauth_code_expires_in: Annotated[int, Field(ge=1, le=3_600)] = 600
    oauth_access_expires_in: Annotated[int, Field(ge=1, le=86_400)] = 3_600
    oauth_refresh_expires_in: Annotated[int, Field(ge=1, le=34_560_000)] = 2_592_000
    jwt_expires_in: Annotated[int, Field(ge=1, le=31_536_000)] = 900
    session_expires_in: Annotated[int, Field(ge=1, le=34_560_000)] = 604_800
    session_update_age: Annotated[int, Field(ge=0)] | None = None
    cookie_same_site: Literal["lax", "strict", "none"] = "lax"
    cookie_domain: str | None = None
    cookie_prefix: Annotated[str, AfterValidator(check_cookie_name)] = "better-auth"
    rate_limit_enabled: bool | None = None
    trusted_proxy_hops: Annotated[int, Field(ge=0, le=32)] = 0
    github_client_id: str | None = None
    github_client_secret: SecretStr | None = None
    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    oidc_provider_id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")] = "oidc"
    oidc_discovery_url: str | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    data_dir: Path = Path(".taskward")
    frontend_dir: Path = WEB
    log_format: Literal["console", "json"] | None = None
    migrate_on_start: bool = True
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    metrics_host: str = "127.0.0.1"
    metrics_path: Annotated[str, Field(pattern=r"^/[a-z0-9/_-]*[a-z0-9]$")] | None = None
    shutdown_delay: Annotated[float, Field(ge=0, le=300)] = 0
    row_level_security: bool = False

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            DatabaseURL.parse(value.get_secret_value())
        return value

    @field_validator("better_auth_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_secret(value.get_secret_value())
        return value

    @field_validator("better_auth_secrets")
    @classmethod
    def _check_secrets(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parse_secrets(value.get_secret_value())
        return value

    @field_validator("better_auth_jwks_url")
    @classmethod
    def _check_jwks_url(cls, value: str | None) -> str | None:
        if value is not None and urlsplit(value).scheme not in {"http", "https"}:
            raise ValueError(
                "must be an http or https URL, such as https://example.com/api/auth/jwks"
            )
        return value

    @field_validator("data_dir")
    @classmethod
    def _check_data_dir(cls, value: Path) -> Path:
        try:
            names = [part.encode() for part in value.parts]
        except UnicodeEncodeError:
            raise ValueError("must be UTF-8") from None
        if any(len(name) > _NAME_MAX_BYTES for name in names):
            msg = f"a name in it is longer than {_NAME_MAX_BYTES} bytes"
            raise ValueError(msg)
        try:
            return value.expanduser()  # in `.env` no shell does
        except RuntimeError:
            raise ValueError("~ is nobody's home here: write the whole path") from None

    @field_validator("metrics_path")
    @classmethod
    def _check_metrics_path(cls, value: str | None) -> str | None:
        if value is not None and value.startswith(("/api", "/docs", "/health", "/redoc")):
            raise ValueError("is taken: choose another, such as /metrics")
        return value

    @field_validator("better_auth_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        return public_origin(value)

    @field_validator("better_auth_trusted_origins", mode="before")
    @classmethod
    def _check_trusted_origins(cls, value: Any) -> tuple[str, ...]:
        origins = value.split(",") if isinstance(value, str) else value
        return tuple(check_trusted_origin(origin.strip()) for origin in origins if origin.strip())

    @field_validator("better_auth_plugins", mode="before")
    @classmethod
    def _check_plugins(cls, value: Any) -> tuple[str, ...]:
        given = value.split(",") if isinstance(value, str) else value
        names = tuple(dict.fromkeys(name.strip() for name in given if name.strip()))
        for name in names:
            if name not in plugins.NEED_NO_CODE:
                msg = f"there is no plugin {name!r}; there are: {', '.join(plugins.NEED_NO_CODE)}"
                raise ValueError(msg)
        return names

    @model_validator(mode="after")
    def _refuse_guests_whose_tasks_cannot_move(self) -> "Settings":
        if self.row_level_security and "anonymous" in self.better_auth_plugins:
            msg = (
                "BETTER_AUTH_PLUGINS: anonymous needs ROW_LEVEL_SECURITY off, by which no task "
                "becomes another user's, not even a guest's who signs in"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _require_a_secret_for_a_database_of_ones_own(self) -> "Settings":
        secret = self.better_auth_secret or self.better_auth_secrets
        if self.database_url is not None and secret is None:
            msg = (
                "BETTER_AUTH_SECRET must be set when DATABASE_URL is: at least "
                f"{SECRET_MIN_LENGTH} characters, for instance the output of `openssl rand -hex 32`"
            )
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_update_age(self) -> "Settings":
        age, lifetime = self.session_update_age, self.session_expires_in
        if age is not None and age > lifetime:
            msg = f"SESSION_UPDATE_AGE must be at most SESSION_EXPIRES_IN, which is {lifetime}"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_cookies(self) -> "Settings":
        if self.cookie_same_site == "none" and not self.better_auth_url.startswith("https://"):
            raise ValueError("COOKIE_SAME_SITE: none needs https in BETTER_AUTH_URL")
        host, domain = urlsplit(self.better_auth_url).hostname, self.cookie_domain
        if domain is not None and not is_below(host, domain):
            msg = f"COOKIE_DOMAIN: must be {host} or above it, to fit BETTER_AUTH_URL"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _check_assistants(self) -> "Settings":
        if self.mcp_enabled and not is_safe_for_tokens({"better_auth_url": self.better_auth_url}):
            raise ValueError(
                "MCP_ENABLED needs https in BETTER_AUTH_URL, except on this machine: others on the "
                "way could read the tokens"
            )
        origins = TrustedOrigins(
            with_loopback_twins((self.better_auth_url, *self.better_auth_trusted_origins))
        )
        for name in ("oauth_login_page", "oauth_consent_page"):
            page = getattr(self, name)
            if {"?", "#"} & set(page) or not origins.is_trusted_redirect(page):
                msg = f"{name.upper()} must be a path here, or an URL on a trusted origin: no query"
                raise ValueError(msg)
        return self

    @field_validator("oidc_provider_id")
    @classmethod
    def _check_provider_id(cls, value: str) -> str:
        if value in {"credential", "github", "google"}:
            raise ValueError("is taken: choose another name for the provider")
        return value

    @field_validator("oidc_discovery_url")
    @classmethod
    def _check_discovery_url(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "https://unset.invalid")
        loopback = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if not parts.hostname or not (parts.scheme == "https" or loopback):
            raise ValueError(
                "must be an https URL, such as "
                "https://login.example.com/.well-known/openid-configuration"
            )
        return value

    @model_validator(mode="after")
    def _refuse_half_a_provider(self) -> "Settings":
        for names in PROVIDER_SETTINGS:
            missing = [name.upper() for name in names if getattr(self, name) is None]
            if missing and len(missing) < len(names):
                given = next(name.upper() for name in names if name.upper() not in missing)
                msg = f"{' and '.join(missing)} must be set when {given} is"
                raise ValueError(msg)
        return self

    @property
    def rate_limit(self) -> bool:
        """Whether Better Auth's rate limits apply: as set, else only on a database of one's own."""
        if self.rate_limit_enabled is None:
            return self.database_url is not None
        return self.rate_limit_enabled

    @property
    def log_style(self) -> Literal["console", "json"]:
        """How log lines look: as set, else for people on a terminal and for machines elsewhere."""
        return self.log_format or ("console" if sys.stdout.isatty() else "json")

    def secrets(self) -> tuple[str, ...]:
        """Return the secrets, the one in force first.

        They are those of BETTER_AUTH_SECRETS, else BETTER_AUTH_SECRET, else the one that was
        generated once and is kept beside the embedded data.

        Raises:
            OSError: DATA_DIR cannot be written.
        """
        if self.better_auth_secrets is not None:
            return parse_secrets(self.better_auth_secrets.get_secret_value())
        if self.better_auth_secret is not None:
            return (self.better_auth_secret.get_secret_value(),)
        return (generated_secret(self.data_dir),)


def is_safe_for_tokens(valid: Mapping[str, Any]) -> bool:
    """Whether tokens may travel to BETTER_AUTH_URL: by https, or without leaving this machine."""
    parts = urlsplit(str(valid.get("better_auth_url", "")))
    return parts.scheme == "https" or parts.hostname in {"localhost", "127.0.0.1", "::1"}


def parse_secrets(text: str) -> tuple[str, ...]:
    """Return the secrets of `2:new,1:old`, in this order.

    Raises:
        ValueError: never shows a secret.
    """
    found: dict[int, str] = {}
    for position, entry in enumerate(text.split(","), start=1):
        version, colon, secret = entry.strip().partition(":")
        if not (version.isascii() and version.isdecimal() and colon) or int(version) in found:
            msg = f"entry {position}: must be <version>:<secret>, each version once"
            raise ValueError(msg)
        check_secret(secret.strip())
        found[int(version)] = secret.strip()
    return tuple(found.values())


def public_origin(url: str) -> str:
    """Return the origin (`scheme://host[:port]`) of a public URL.

    Raises:
        ValueError: not http(s), no host, or more than an origin.
    """
    parts = urlsplit(url.strip())
    if "*" in url or "?" in url:
        raise ValueError("must be one origin, without wildcards")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an http or https URL, such as https://api.example.com")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise ValueError("must be an origin only, without path, query or user")
    return check_trusted_origin(f"{parts.scheme}://{parts.netloc}")


def load_settings() -> Settings:
    """Read the settings, or end the process with one line for each thing that is wrong."""
    try:
        refuse_misspelled(os.environ.keys() | read_dotenv().keys())
        return Settings()
    except ValidationError as error:
        problems = [
            f"  {_name(e['loc'])}{e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False, include_context=False)
            if e["type"] != _FOLLOWS_FROM_ANOTHER
        ]
    except ValueError as error:
        problems = [f"  {error}"]
    raise SystemExit("\n".join(["Taskward cannot start:", *problems]))


def refuse_misspelled(names: set[str]) -> None:
    """Refuse a variable that is almost one of ours: a typing error would silently be a default.

    Raises:
        ValueError: names the variable and what was probably meant.
    """
    known = {name.upper() for name in Settings.model_fields}
    for name in sorted(names - known):
        if meant := get_close_matches(name.upper(), known, n=1, cutoff=0.91):
            msg = f"{name}: unknown setting, did you mean {meant[0]}?"
            raise ValueError(msg)


def _name(location: tuple[int | str, ...]) -> str:
    return f"{str(location[0]).upper()}: " if location else ""
