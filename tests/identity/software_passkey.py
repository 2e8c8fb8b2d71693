"""A software authenticator for tests: makes real WebAuthn registrations and assertions (ES256).

py_webauthn judges what it makes; every part of an answer can be bent by keyword.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

ORIGIN = "http://localhost:8080"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def from_b64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SoftwarePasskey:
    """One resident credential with a counter."""

    def __init__(self, name: str = "one", *, counts: bool = True) -> None:
        self.credential_id = hashlib.sha256(name.encode()).digest()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.counts = counts
        self.counter = 0
        self.user_handle = b""

    def create(self, options: dict[str, Any], **bent: Any) -> dict[str, Any]:
        """What `navigator.credentials.create(...)` and `toJSON()` would give."""
        self.user_handle = from_b64(options["user"]["id"])
        client = _client_data("webauthn.create", options, bent)
        point = self.key.public_key().public_numbers()
        cose = {
            1: 2,
            3: -7,
            -1: 1,
            -2: point.x.to_bytes(32, "big"),
            -3: point.y.to_bytes(32, "big"),
        }
        flags = bent.get("flags", PRESENT | VERIFIED) | ATTESTED
        data = self._data(options["rp"]["id"], flags, bent)
        data += bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id
        data += cbor2.dumps(cose)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": b64(client),
            "attestationObject": b64(attestation),
            "transports": ["internal"],
        }
        return self._credential(response)

    def get(self, options: dict[str, Any], **bent: Any) -> dict[str, Any]:
        """What `navigator.credentials.get(...)` and `toJSON()` would give."""
        client = _client_data("webauthn.get", options, bent)
        flags = bent.get("flags", PRESENT | VERIFIED)
        data = self._data(options["rpId"], flags, bent)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": b64(client),
            "authenticatorData": b64(data),
            "signature": b64(bent.get("signature", signature)),
            "userHandle": b64(bent.get("user_handle", self.user_handle)),
        }
        return self._credential(response)

    def _data(self, rp_id: str, flags: int, bent: dict[str, Any]) -> bytes:
        self.counter += self.counts
        count = bent.get("count", self.counter)
        party = hashlib.sha256(bent.get("rp_id", rp_id).encode()).digest()
        return party + bytes([flags]) + count.to_bytes(4, "big")

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = b64(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response,
                "clientExtensionResults": {}}  # fmt: skip


def _client_data(kind: str, options: dict[str, Any], bent: dict[str, Any]) -> bytes:
    about = {
        "type": bent.get("type", kind),
        "challenge": bent.get("challenge", options["challenge"]),
        "origin": bent.get("origin", ORIGIN),
        "crossOrigin": False,
    }
    return json.dumps(about).encode()
