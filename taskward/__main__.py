"""`python -m taskward`: what `make run` starts. HOST and PORT say where to listen."""

import os

import uvicorn


def main() -> None:
    """Serve until interrupted; requests under way get ten seconds to finish."""
    host, port = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    os.environ.setdefault("BETTER_AUTH_URL", f"http://localhost:{port}")
    uvicorn.run("main:app", host=host, port=port, proxy_headers=False, timeout_graceful_shutdown=10)


if __name__ == "__main__":
    main()
