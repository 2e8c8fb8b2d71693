"""The browser's side of a passkey for tests: registrations and assertions as WebAuthn makes JSON.

The key, its counter and what it signs are `passkey_kit`'s; here are the ceremonies around it.
py_webauthn judges what comes out; every part of an answer can be bent by keyword.
"""

from __future__ import annotations

import base64
from typing import Any

import cbor2
from passkey_kit import PRESENT_AND_VERIFIED, Authenticator

ORIGIN = "http://localhost:8080"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def from_b64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class SoftwarePasskey:
    """One resident credential; its counter stays at 0 without `counts`."""

    def __init__(self, name: str = "one", *, counts: bool = True) -> None:
        self.hand = Authenticator.new(name)
        self.counts = counts
        self.user_handle = b""

    @property
    def credential_id(self) -> bytes:
        return self.hand.credential_id

    @property
    def counter(self) -> int:
        return self.hand.counter

    @counter.setter
    def counter(self, value: int) -> None:
        self.hand.counter = value

    def create(self, options: dict[str, Any], **bent: Any) -> dict[str, Any]:
        """What `navigator.credentials.create(...)` and `toJSON()` would give."""
        self.user_handle = from_b64(options["user"]["id"])
        flags = bent.pop("flags", PRESENT_AND_VERIFIED) | ATTESTED
        name = self.credential_id
        attested = bytes(16) + len(name).to_bytes(2, "big") + name + self.hand.public_key
        made = self._signed("webauthn.create", options["rp"]["id"], options, flags, bent, attested)
        attestation = {"fmt": "none", "attStmt": {}, "authData": made.authenticator_data}
        response = {
            "clientDataJSON": b64(made.client_data),
            "attestationObject": b64(cbor2.dumps(attestation)),
            "transports": ["internal"],
        }
        return self._credential(response)

    def get(self, options: dict[str, Any], **bent: Any) -> dict[str, Any]:
        """What `navigator.credentials.get(...)` and `toJSON()` would give."""
        flags = bent.pop("flags", PRESENT_AND_VERIFIED)
        signature = bent.pop("signature", None)
        handle = bent.pop("user_handle", self.user_handle)
        made = self._signed("webauthn.get", options["rpId"], options, flags, bent)
        response = {
            "clientDataJSON": b64(made.client_data),
            "authenticatorData": b64(made.authenticator_data),
            "signature": b64(made.signature if signature is None else signature),
            "userHandle": b64(handle),
        }
        return self._credential(response)

    def _signed(
        self, kind: str, rp_id: str, options: dict[str, Any], flags: int, bent: dict[str, Any],
        extra: bytes = b"",
    ) -> Any:  # fmt: skip
        before = self.hand.counter
        if "count" in bent:
            self.hand.counter = bent.pop("count") - 1
        elif not self.counts:
            self.hand.counter = before = -1
        given = {"type": kind, "challenge": options["challenge"], "rp_id": rp_id,
                 "origin": ORIGIN, **bent}  # fmt: skip
        made = self.hand.assertion(b"", flags=flags, extra=extra, **given)
        self.hand.counter = before + 1
        return made

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        name = b64(self.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response,
                "clientExtensionResults": {}}  # fmt: skip
