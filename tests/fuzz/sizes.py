"""How much is tried: a little in `make test`, the whole in `make fuzz`; and from which seed."""

import os
import secrets

LONG = os.environ.get("FUZZ") == "long"


def size(short: int, long: int) -> int:
    """Of two sizes the one for this run."""
    return long if LONG else short


def seed() -> int:
    """FUZZ_SEED if it is set, to repeat a run; a new one else."""
    return int(os.environ.get("FUZZ_SEED") or secrets.randbelow(1_000_000_000))
