"""`python -m taskward.embedded_postgres <data_dir>`: the keeper of that server."""

import sys
from pathlib import Path

from taskward.embedded_postgres.keeper import keep

if __name__ == "__main__":
    keep(Path(sys.argv[1]))
