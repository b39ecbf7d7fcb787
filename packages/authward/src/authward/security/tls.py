"""Whom this server trusts when it asks others over TLS."""

import ssl
from functools import cache

import httpx2


@cache
def tls_context() -> ssl.SSLContext:
    """Return whom TLS trusts: the system, or SSL_CERT_FILE. Takes a tenth of a second once."""
    return httpx2.create_ssl_context()
