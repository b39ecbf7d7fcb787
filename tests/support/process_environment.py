"""Environment variables for the programs that tests start."""

import os
from collections.abc import Mapping


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the developer's own environment but what every program needs."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**inherited, **settings}
