"""The data directory and the files beside the cluster: for their owner's eyes only."""

import logging
import os
import stat
from pathlib import Path

_OURS = ("postgres", "secret", "lost+found")

_logger = logging.getLogger(__name__)


def open_private(path: Path, flags: int) -> int:
    """Open a file, or make it with mode 0600, and return its descriptor; follows no link."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:  # in a user's directory root must not lock that user out
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def make_private(data_dir: Path) -> None:
    """Close a directory of ours to everybody else, unless it holds what is not ours."""
    status = data_dir.stat()
    if status.st_uid != os.geteuid() or not status.st_mode & 0o077:
        return
    if status.st_mode & stat.S_ISVTX or not all(map(_holds_only_our_files, data_dir.iterdir())):
        reason = "stays open to other users, since it holds more than is ours: name one of its own"
        _logger.warning("DATA_DIR (%s) %s", data_dir, reason)
    else:
        data_dir.chmod(0o700)


def _holds_only_our_files(path: Path) -> bool:
    return path.name in _OURS or path.name.startswith(("postgres.", ".secret-"))
