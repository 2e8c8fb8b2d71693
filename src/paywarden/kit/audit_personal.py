"""Personal details of audit events: a commitment in the open log, the value under its person's key.

Guards: the log holds HMAC-SHA-256 (RFC 2104) of each personal value under fresh 256-bit randomness,
so nobody can test guesses against it; randomness and value are sealed under the subject's key.
Destroying that key blinds the detail for ever and changes no leaf. Whoever is shown randomness and
value (`reveal`) can check them against the log. Not done here: leaves and proofs (evidence room).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt
from paywarden.core.scope import Scope
from paywarden.kit.crypto.framing import framed
from paywarden.kit.crypto.ports import Erased, SubjectKeys

NONCE_OCTETS: Final = 32
VALUE_LIMIT: Final = 1_024
_COMMITTED: Final = b"paywarden.audit.personal.v1"
_SEALED: Final = b"paywarden.audit.sealed.v1"
_Boxes = dict[str, tuple[str, bytes]]
_BOXES = msgspec.msgpack.Decoder(_Boxes)


@dataclass(frozen=True, slots=True)
class PersonalDetail:
    """A personal value (at most 1,024 characters) and the subject whose key seals it."""

    subject: str
    value: str

    def __post_init__(self) -> None:
        if not self.subject or len(self.value) > VALUE_LIMIT:
            raise ValueError(f"a personal detail has a subject and at most {VALUE_LIMIT} letters")


@dataclass(frozen=True, slots=True)
class Revealed:
    """A personal value with the randomness that opens its commitment."""

    value: str
    nonce: bytes


def commitment(name: str, value: str, nonce: bytes) -> str:
    """Commitment (64 hex digits) to the value of the field `name`."""
    message = b"\n".join((_COMMITTED, name.encode(), value.encode()))
    return hmac.new(nonce, message, hashlib.sha256).hexdigest()


class PersonalDetails:
    """Commits to, seals and reveals personal details."""

    def __init__(self, keys: SubjectKeys, randomness: Randomness) -> None:
        self._keys = keys
        self._octets = randomness.octets

    def seal(self, scope: Scope, details: Mapping[str, PersonalDetail]) -> tuple[bytes, bytes]:
        """(commitments as canonical JSON, sealed values) of `details`."""
        commitments: dict[str, str] = {}
        boxes: _Boxes = {}
        for name, detail in details.items():
            nonce = self._octets(NONCE_OCTETS)
            commitments[name] = commitment(name, detail.value, nonce)
            plain = nonce + detail.value.encode()
            sealed = self._keys.seal(scope, detail.subject, plain, framed(_SEALED, name.encode()))
            boxes[name] = (detail.subject, sealed)
        return msgspec.json.encode(commitments, order="sorted"), msgspec.msgpack.encode(boxes)

    def reveal(
        self, scope: Scope, commitments: bytes, sealed: bytes
    ) -> dict[str, Revealed | Erased]:
        """Each detail's value and randomness, checked, or when it was erased. Errors: Corrupt."""
        committed = msgspec.json.decode(commitments, type=dict[str, str])
        found: dict[str, Revealed | Erased] = {}
        for name, (subject, box) in _BOXES.decode(sealed).items():
            plain = self._keys.open(scope, subject, box, framed(_SEALED, name.encode()))
            if isinstance(plain, Erased):
                found[name] = plain
                continue
            nonce, value = plain[:NONCE_OCTETS], plain[NONCE_OCTETS:].decode()
            if not hmac.compare_digest(commitment(name, value, nonce), committed.get(name, "")):
                raise Corrupt("audit_corrupt", "a personal detail differs from its commitment")
            found[name] = Revealed(value, nonce)
        return found
