"""The secret that is generated once, beside the embedded data."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from taskward.secret import generated_secret


def test_a_generated_secret_is_private_long_and_stays_the_same(tmp_path: Path) -> None:
    secret = generated_secret(tmp_path / "new" / "data")
    assert len(secret) >= 32
    assert stat.S_IMODE((tmp_path / "new" / "data" / "secret").stat().st_mode) == 0o600
    assert generated_secret(tmp_path / "new" / "data") == secret
    assert generated_secret(tmp_path / "other") != secret
    assert [path.name for path in (tmp_path / "new" / "data").iterdir()] == ["secret"]


def test_all_who_ask_for_the_generated_secret_at_once_get_the_same(tmp_path: Path) -> None:
    barrier = threading.Barrier(16)

    def ask(data_dir: Path) -> str:
        barrier.wait()
        return generated_secret(data_dir)

    with ThreadPoolExecutor(16) as pool:
        for attempt in range(20):
            data_dir = tmp_path / str(attempt)
            assert len(set(pool.map(ask, [data_dir] * 16))) == 1
