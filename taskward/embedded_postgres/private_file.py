"""The files beside the cluster: for their owner's eyes only."""

import os
from pathlib import Path


def open_private(path: Path, flags: int) -> int:
    """Open a file, or make it with mode 0600, and return its descriptor; follows no link."""
    descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:  # in a user's directory root must not lock that user out
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor
