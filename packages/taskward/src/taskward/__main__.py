"""`python -m taskward`, `taskward`: the server, or one of the commands of `taskward --help`."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Serve if nothing else is asked for; only commands load the libraries of the command line."""
    if sys.stdin is None:  # closed: its number would be that of the next file or socket
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115
    if len(sys.argv) > 1:
        from taskward.cli import app  # noqa: PLC0415

        app(prog_name="taskward")
        return
    from taskward import lean_imports  # noqa: PLC0415

    lean_imports.load()
    from taskward.serve import serve  # noqa: PLC0415

    serve()


if __name__ == "__main__":
    main()
