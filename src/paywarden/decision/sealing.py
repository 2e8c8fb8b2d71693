"""Splits fields into what may be stored in the clear and what is sealed under a person's key.

Guards: no personal field reaches the log in the clear; each is sealed under the key of the person
it speaks of, so that destroying that key erases the person and nothing else (GDPR art. 17). The
context binds a ciphertext to its log entry. The payer's subject is the strongest name given: payer
id, e-mail, card, device, else the payment itself; it is stored as a keyed digest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from paywarden.core.scope import Scope
from paywarden.decision.entries import Sealed
from paywarden.decision.intake import Fields
from paywarden.decision.masking import PERSONAL
from paywarden.kit.crypto.ports import Erased, SubjectKeys

Digest = Callable[[str, str], int]
_PAYEE = frozenset(path for path in PERSONAL if path.startswith("payee."))
_PAYER_SUBJECTS = (
    ("payer", "payer.id"),
    ("email", "email.canonical"),
    ("card", "card.fingerprint"),
    ("device", "device.id"),
    ("payment", "payment.id"),
)
_PAYEE_SUBJECTS = (("payee", "payee.id"), ("account", "payee.account"))
_DECODER = msgspec.msgpack.Decoder(dict[str, Any])


class Sealer:
    """Seals and opens the personal fields of log entries."""

    def __init__(self, keys: SubjectKeys) -> None:
        self._keys = keys
        self._encode = msgspec.msgpack.Encoder().encode

    def split(
        self, scope: Scope, fields: Fields, digest: Digest, seq: int
    ) -> tuple[dict[str, Any], tuple[Sealed, ...]]:
        """(clear fields, sealed boxes) of the entry `seq`."""
        clear: dict[str, Any] = {}
        payer: dict[str, Any] = {}
        payee: dict[str, Any] = {}
        for path, value in fields.items():
            if path not in PERSONAL:
                clear[path] = value
            elif path in _PAYEE:
                payee[path] = value
            else:
                payer[path] = value
        boxes = []
        if payer:
            subject = _subject(fields, _PAYER_SUBJECTS, digest)
            boxes.append(self._box(scope, subject, payer, seq))
        if payee:
            subject = _subject(fields, _PAYEE_SUBJECTS, digest)
            boxes.append(self._box(scope, subject, payee, seq))
        return clear, tuple(boxes)

    def open(
        self, scope: Scope, seq: int, clear: Mapping[str, Any], sealed: Sequence[Sealed]
    ) -> tuple[Fields, int]:
        """(every field that can still be read, number of erased persons) of the entry `seq`."""
        fields, erased = dict(clear), 0
        for box in sealed:
            plain = self._keys.open(scope, box.subject, box.box, _context(seq))
            if isinstance(plain, Erased):
                erased += 1
            else:
                fields.update(_DECODER.decode(plain))
        return fields, erased

    def _box(self, scope: Scope, subject: str, fields: Fields, seq: int) -> Sealed:
        octets = self._encode(fields)
        return Sealed(subject, self._keys.seal(scope, subject, octets, _context(seq)))


def _subject(fields: Fields, candidates: Sequence[tuple[str, str]], digest: Digest) -> str:
    for kind, path in candidates:
        value = fields.get(path)
        if value is not None:
            return f"{kind}-{digest(kind, value):016x}"
    return "unknown"


def _context(seq: int) -> bytes:
    return seq.to_bytes(8, "big")
