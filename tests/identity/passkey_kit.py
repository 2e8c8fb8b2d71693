"""A software authenticator for tests: real key pairs that make real WebAuthn assertions.

What it signs passes any relying party (py_webauthn is the oracle in `tests/cde_client`), and each
field can be bent, so that a test shows that the verifier looks at it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from paywarden.cde_client.assertion import base64url
from paywarden.cde_client.challenge import Subject, challenge
from paywarden.cde_client.messages import Assertion, SignedApproval
from paywarden.cde_client.roster import RelyingParty

PARTY = RelyingParty("localhost", frozenset({"https://localhost:8443"}))
ORIGIN = "https://localhost:8443"
PRESENT_AND_VERIFIED = 0x05
ALGORITHMS = ("ES256", "EdDSA", "RS256")


def cbor_map(fields: Mapping[int, int | bytes]) -> bytes:
    """The small part of CBOR that COSE keys are written in."""
    return _head(5, len(fields)) + b"".join(_item(k) + _item(v) for k, v in fields.items())


def _item(value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    return _head(0, value) if value >= 0 else _head(1, -1 - value)


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    if number < 256:
        return bytes([major << 5 | 24, number])
    return bytes([major << 5 | 25]) + number.to_bytes(2, "big")


@dataclass
class Authenticator:
    """One passkey: credential id, COSE public key, a counter, and a hand that signs."""

    credential_id: bytes
    public_key: bytes
    _sign: Callable[[bytes], bytes]
    counter: int = 0
    party: RelyingParty = field(default=PARTY)

    @classmethod
    def new(cls, name: str, algorithm: str = "ES256") -> Authenticator:
        """A fresh key pair; `name` gives the credential id."""
        made = {"ES256": _es256, "EdDSA": _eddsa, "RS256": _rs256}[algorithm]()
        return cls(hashlib.sha256(name.encode()).digest()[:20], *made)

    def assertion(
        self,
        wanted: bytes,
        *,
        flags: int = PRESENT_AND_VERIFIED,
        origin: str = ORIGIN,
        rp_id: str | None = None,
        extra: bytes = b"",
        **client: Any,
    ) -> Assertion:
        """An assertion over the challenge `wanted`; keywords bend single fields."""
        self.counter += 1
        about = {"type": "webauthn.get", "challenge": base64url(wanted), "origin": origin,
                 "crossOrigin": False, **client}  # fmt: skip
        client_data = json.dumps(about, separators=(",", ":")).encode()
        party = hashlib.sha256((rp_id or self.party.rp_id).encode()).digest()
        data = party + bytes([flags]) + self.counter.to_bytes(4, "big") + extra
        signature = self._sign(data + hashlib.sha256(client_data).digest())
        return Assertion(self.credential_id, data, client_data, signature)

    def approve(self, subject: Subject, approver: str, **bent: Any) -> SignedApproval:
        """The approval of `subject` by `approver`, signed with this passkey."""
        return SignedApproval(approver, self.assertion(challenge(subject, approver), **bent))


_Made = tuple[bytes, Callable[[bytes], bytes]]


def _es256() -> _Made:
    key = ec.generate_private_key(ec.SECP256R1())
    at = key.public_key().public_numbers()
    x, y = at.x.to_bytes(32, "big"), at.y.to_bytes(32, "big")
    return cbor_map({1: 2, 3: -7, -1: 1, -2: x, -3: y}), lambda m: key.sign(m, ec.ECDSA(SHA256()))


def _eddsa() -> _Made:
    key = ed25519.Ed25519PrivateKey.generate()
    octets = key.public_key().public_bytes_raw()
    return cbor_map({1: 1, 3: -8, -1: 6, -2: octets}), key.sign


def _rs256(bits: int = 2_048) -> _Made:
    key = rsa.generate_private_key(65_537, bits)
    modulus = key.public_key().public_numbers().n.to_bytes(bits // 8, "big")
    cose = cbor_map({1: 3, 3: -257, -1: modulus, -2: b"\x01\x00\x01"})
    return cose, lambda m: key.sign(m, padding.PKCS1v15(), SHA256())
