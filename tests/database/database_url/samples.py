"""URLs and words that several tests share."""

import ssl

PASSWORD = "npg_S3cretXyz09"
NEON = "ep-cool-1a2b-pooler.us-east-2.aws.neon.tech"
NEON_URL = f"postgresql://owner:{PASSWORD}@{NEON}/neondb?sslmode=require&channel_binding=require"
START = f"postgresql://user:{PASSWORD}@host/db"

VERIFIED = "TLS, certificate and host name verified"
CA_ONLY = "TLS, certificate verified"
ENCRYPTED = "TLS, not verified"


def describe_tls(value: object) -> object:
    if not isinstance(value, ssl.SSLContext):
        return value
    if value.check_hostname:
        return VERIFIED
    return ENCRYPTED if value.verify_mode is ssl.CERT_NONE else CA_ONLY
