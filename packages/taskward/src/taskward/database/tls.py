"""How the connection to PostgreSQL is encrypted, in libpq's terms (manual, "SSL Support")."""

import ssl
from enum import StrEnum


class SSLMode(StrEnum):
    """How the connection is encrypted and the server verified."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"

    @property
    def verifies(self) -> bool:
        """Whether the server's certificate is checked."""
        return self in {SSLMode.VERIFY_CA, SSLMode.VERIFY_FULL}

    def context(self, sslrootcert: str | None) -> ssl.SSLContext:
        """Return what TLS is to check, by the system's certificates unless a file is named.

        Not asyncpg's modes, whose meaning depends on ~/.postgresql/root.crt. Raises OSError where
        the file holds no certificates.
        """
        if not self.verifies:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
        context = ssl.create_default_context(cafile=sslrootcert)
        context.check_hostname = self is SSLMode.VERIFY_FULL
        return context
