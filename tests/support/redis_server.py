"""A Redis server of the tests' own, on a socket in a folder of its own."""

import atexit
import shutil
import signal
import subprocess
import tempfile
import time
from functools import cache
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThereError

MISSING = "REDIS IS NOT INSTALLED: apt-get install redis-server"
_START_SECONDS = 20


class RedisServer:
    """Starts and stops it, always on the same socket; what it knew is gone then."""

    def __init__(self, folder: Path) -> None:
        """Start it, or skip the test."""
        self._program = shutil.which("redis-server")
        if self._program is None:
            pytest.skip(MISSING)
        self._folder = folder
        self.socket = folder / "redis.socket"
        self.start()

    def start(self) -> None:
        """Return when it answers."""
        options = {"--port": "0", "--save": "", "--dir": self._folder, "--unixsocket": self.socket}
        arguments = [str(each) for pair in options.items() for each in pair]
        self._process = subprocess.Popen(
            [str(self._program), *arguments], stdout=subprocess.DEVNULL
        )
        until = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert time.monotonic() < until, "redis-server does not answer"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def pause(self) -> None:
        """Let it be silent, with its connections open."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def client(self) -> Redis:
        """Return a client that waits for its answers."""
        return Redis(unix_socket_path=str(self.socket), decode_responses=True)

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                return bool(client.ping())
            except NotThereError:
                return False


@cache
def shared_redis() -> RedisServer:
    """The one of this process, which ends with it."""
    folder = Path(tempfile.mkdtemp(prefix="redis-"))
    server = RedisServer(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.stop)
    return server
