"""BETTER_AUTH_SECRET: which ones are refused, and the one that is made where none is given."""

import errno
import os
import secrets
from contextlib import suppress
from pathlib import Path

SECRET_MIN_LENGTH = 32
EXAMPLE_SECRET = "change-me-to-the-output-of-openssl-rand-hex-32"  # noqa: S105
PUBLISHED_SECRETS = frozenset({EXAMPLE_SECRET, "better-auth-secret-12345678901234567890"})


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


def generated_secret(data_dir: Path) -> str:
    """Return the secret kept in `data_dir/secret` (mode 0600), made at the first call.

    Raises:
        OSError: it cannot be written or read.
        ValueError: what is there is no secret.
    """
    path = data_dir / "secret"
    if data_dir.exists() and not data_dir.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, "It is no directory", str(data_dir))
    if not path.exists():
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
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
