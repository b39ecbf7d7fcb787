"""TLS to PostgreSQL: a certificate of a test CA is accepted, anything else is refused.

The certificates are shown by a line that ends TLS in front of the embedded server, which has
none, and by the system's own PostgreSQL where there is one.
"""

import ssl
import traceback
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from taskward.app import create_app
from taskward.database.tls import SSLMode
from taskward.database.url import DatabaseURL
from tests.conftest import settings_for, url_text
from tests.support.clusters import Cluster, installed
from tests.support.tls import Serve, line, shown, with_root

__all__ = ["line"]  # fixtures

PASSWORD = "npg_S3cretXyz09"


async def is_encrypted(url: DatabaseURL) -> bool:
    connection = await asyncpg.connect(**url.connect_arguments())
    try:
        transport = connection._transport
        return transport.get_extra_info("ssl_object") is not None
    finally:
        await connection.close()


async def test_a_certificate_of_the_trusted_ca_is_accepted(line: Serve, tmp_path: Path) -> None:
    files = shown()
    url = with_root(await line(files), files.root, tmp_path)
    assert await is_encrypted(url)
    assert await is_encrypted(replace(url, sslmode=SSLMode.VERIFY_CA))


WRONG = {
    "another CA's": ({"trusted": False}, "unable to get local issuer|self-signed|signature"),
    "another host's": ({"host": "127.0.0.2"}, "IP address mismatch"),
    "an expired one": ({"days": -1}, "expired"),
}


@pytest.mark.parametrize(("how", "reason"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_certificate_is_refused(
    line: Serve, tmp_path: Path, how: dict[str, object], reason: str
) -> None:
    files = shown(**how)  # type: ignore[arg-type]
    url = with_root(await line(files), files.root, tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        await is_encrypted(url)


async def test_without_a_root_of_ones_own_the_test_ca_is_a_stranger(line: Serve) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await is_encrypted(await line(shown()))


async def test_the_server_does_not_start_with_a_wrong_certificate_and_keeps_the_password(
    line: Serve, tmp_path: Path
) -> None:
    files = shown(trusted=False)
    url = with_root(replace(await line(files), password=PASSWORD), files.root, tmp_path)
    app = create_app(settings_for(f"{url_text(url)}&sslrootcert={url.sslrootcert}"))
    with pytest.raises(SystemExit, match="certificate") as caught:
        await app.router.lifespan_context(app).__aenter__()
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


async def test_the_tls_of_the_system_s_own_postgresql_is_verified(tmp_path: Path) -> None:
    if not installed():
        pytest.skip("NO POSTGRESQL OF THE SYSTEM'S OWN IS INSTALLED: its TLS was not tried")
    files, others = shown(), shown()
    with Cluster(max(installed().items())[1]) as cluster:
        cluster.offer_tls(files.certificate, files.key)
        url = with_root(cluster.url, files.root, tmp_path)
        url = replace(url, sslmode=SSLMode.VERIFY_FULL)
        assert await is_encrypted(url)
        with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
            await is_encrypted(replace(url, host="localhost"))
        with pytest.raises(ssl.SSLCertVerificationError):
            await is_encrypted(with_root(url, others.root, tmp_path))
        with pytest.raises(asyncpg.InvalidAuthorizationSpecificationError, match="no encryption"):
            await is_encrypted(replace(url, sslmode=SSLMode.DISABLE))
