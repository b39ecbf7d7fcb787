"""An authenticator in software: what a browser would send after either ceremony of WebAuthn."""

import base64
import hashlib
import json
import struct
from dataclasses import dataclass
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

PRESENT: Final = 0x01
VERIFIED: Final = 0x04
BACKUP_ELIGIBLE: Final = 0x08
BACKED_UP: Final = 0x10
ATTESTED: Final = 0x40
AAGUID: Final = bytes.fromhex("ea9b8d664d011d213ce4b6b48cb575d4")


def base64url(data: bytes) -> str:
    """Encode without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


@dataclass(frozen=True)
class Authenticator:
    """One credential, whose key and id follow from its name."""

    name: str
    rp_id: str = "127.0.0.1"
    origin: str = "http://localhost:3000"
    flags: int = PRESENT | VERIFIED

    @property
    def id(self) -> str:
        """The credential's id."""
        return base64url(self._id)

    def attestation(self, challenge: str, **changed: Any) -> dict[str, Any]:
        """What `navigator.credentials.create` resolves to, as JSON."""
        client = self._client("webauthn.create", challenge, changed)
        credential = struct.pack(">H", len(self._id)) + self._id + cbor2.dumps(self._cose())
        data = self._data(changed.get("counter", 0), ATTESTED) + AAGUID + credential
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": base64url(client),
            "attestationObject": base64url(attestation),
            "transports": changed.get("transports", ["internal", "hybrid"]),
        }
        return self._wrapped(response)

    def assertion(self, challenge: str, **changed: Any) -> dict[str, Any]:
        """What `navigator.credentials.get` resolves to, as JSON."""
        client = self._client("webauthn.get", challenge, changed)
        data = self._data(changed.get("counter", 0))
        key = changed.get("signer", self)._key
        signature = key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": base64url(client),
            "authenticatorData": base64url(data),
            "signature": base64url(signature),
        }
        return self._wrapped(response)

    @property
    def _id(self) -> bytes:
        return hashlib.sha256(f"id of {self.name}".encode()).digest()

    @property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        digest = hashlib.sha256(f"key of {self.name}".encode()).digest()
        return ec.derive_private_key(int.from_bytes(digest) >> 8, ec.SECP256R1())

    def _cose(self) -> dict[int, Any]:
        numbers = self._key.public_key().public_numbers()
        x, y = (number.to_bytes(32) for number in (numbers.x, numbers.y))
        return {1: 2, 3: -7, -1: 1, -2: x, -3: y}

    def _client(self, kind: str, challenge: str, changed: dict[str, Any]) -> bytes:
        data = {
            "type": changed.get("type", kind),
            "challenge": challenge,
            "origin": changed.get("origin", self.origin),
            "crossOrigin": False,
        }
        return json.dumps(data).encode()

    def _data(self, counter: int, more: int = 0) -> bytes:
        flags = bytes([self.flags | more])
        return hashlib.sha256(self.rp_id.encode()).digest() + flags + struct.pack(">I", counter)

    def _wrapped(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": self.id,
            "rawId": self.id,
            "type": "public-key",
            "clientExtensionResults": {},
            "response": response,
        }
