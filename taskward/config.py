"""Settings: every environment variable, typed and checked once at start.

They are read from the environment, then from `.env` in the working directory. What is wrong is
refused by name, before anything else starts; secrets are masked in every message.
"""

import os
import secrets
import sys
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from taskward.auth.origins import check_trusted_origin
from taskward.database_url import DatabaseURL

SECRET_MIN_LENGTH = 32
EXAMPLE_SECRET = "change-me-to-the-output-of-openssl-rand-hex-32"  # noqa: S105
PUBLISHED_SECRETS = frozenset({EXAMPLE_SECRET, "better-auth-secret-12345678901234567890"})

FRONTEND = Path(__file__).resolve().parent.parent / "frontend" / "out"

PROVIDER_SETTINGS = (
    ("github_client_id", "github_client_secret"),
    ("google_client_id", "google_client_secret"),
    ("oidc_discovery_url", "oidc_client_id", "oidc_client_secret"),
)


class Settings(BaseSettings):
    """What can be configured; each field's name in capitals is its environment variable."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = None
    better_auth_secret: SecretStr | None = None
    better_auth_secrets: SecretStr | None = None
    better_auth_jwks_url: str | None = None
    better_auth_url: str = "http://localhost:8000"
    better_auth_trusted_origins: Annotated[tuple[str, ...], NoDecode] = ("http://localhost:3000",)
    jwt_expires_in: Annotated[int, Field(ge=1, le=31_536_000)] = 900
    session_expires_in: Annotated[int, Field(ge=1, le=34_560_000)] = 604_800
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
    frontend_dir: Path = FRONTEND
    log_format: Literal["console", "json"] | None = None
    migrate_on_start: bool = True
    metrics_port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    metrics_host: str = "127.0.0.1"
    metrics_path: Annotated[str, Field(pattern=r"^/[a-z0-9/_-]*[a-z0-9]$")] | None = None
    shutdown_delay: Annotated[float, Field(ge=0, le=300)] = 0

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


def check_secret(secret: str) -> None:
    """Refuse secrets that are too short or that anybody can look up.

    Raises:
        ValueError: never shows the secret.
    """
    if len(secret) < SECRET_MIN_LENGTH:
        msg = f"must have at least {SECRET_MIN_LENGTH} characters (it has {len(secret)})"
        raise ValueError(msg)
    if secret in PUBLISHED_SECRETS:
        raise ValueError("is a published example: use the output of `openssl rand -hex 32`")


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


def generated_secret(data_dir: Path) -> str:
    """Return the secret kept in `data_dir/secret` (mode 0600), made at the first call.

    Raises:
        OSError: it cannot be written or read.
        ValueError: what is there is no secret.
    """
    path = data_dir / "secret"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        _write_once(path, secrets.token_hex(32))
    secret = path.read_text().strip()
    try:
        check_secret(secret)
    except ValueError as error:
        msg = f"{path}: the secret {error}; without the file a new one is made, which ends sessions"
        raise ValueError(msg) from None
    return secret


def _write_once(path: Path, text: str) -> None:
    """Of several processes the first to link its file wins; a power cut leaves all or nothing."""
    draft = path.with_name(f".secret-{os.getpid()}-{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    with draft.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def load_settings() -> Settings:
    """Read the settings, or end the process with one line for each thing that is wrong."""
    try:
        refuse_misspelled(os.environ.keys() | dotenv_values(".env").keys())
        return Settings()
    except ValidationError as error:
        problems = [
            f"  {_name(e['loc'])}{e['msg'].removeprefix('Value error, ')}"
            for e in error.errors(include_input=False, include_context=False)
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
