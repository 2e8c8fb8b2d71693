"""Splits fields into what may be stored in the clear and what is sealed under a person's key.

Guards: no personal field reaches the log in the clear; each is sealed under the key of the person
it speaks of, so that destroying that key erases the person and nothing else (GDPR art. 17). The
context binds a ciphertext to its log entry. The payer's subject is the strongest name given: payer
id, e-mail, card, device, else the payment itself; it is stored as a keyed digest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from paywarden.core.scope import Scope
from paywarden.decision.entries import Sealed
from paywarden.decision.intake import Fields
from paywarden.decision.stored_fields import CLEAR, SEALED, Stored, by_path, values_of
from paywarden.kit.crypto.ports import Erased, SubjectKeys

Digest = Callable[[str, str], int]
_PAYEE = SEALED[:4]
_PAYER = ("",) * len(_PAYEE) + SEALED[len(_PAYEE) :]
"""The paths of each person by number in SEALED; the empty path is never there."""
_PAYER_SUBJECTS = (
    ("payer", "payer.id"),
    ("email", "email.canonical"),
    ("card", "card.fingerprint"),
    ("device", "device.id"),
    ("payment", "payment.id"),
)
_PAYEE_SUBJECTS = (("payee", "payee.id"), ("account", "payee.account"))
_APART = b"screening"
_PERSONS = ((_PAYER, _PAYER_SUBJECTS), (_PAYEE, _PAYEE_SUBJECTS))
_DECODER: msgspec.msgpack.Decoder[Stored] = msgspec.msgpack.Decoder(Stored)


class Gone(NamedTuple):
    """A person of an entry (`payer` or `payee`) whose key was destroyed at `at_us`."""

    person: str
    at_us: int


class Sealer:
    """Seals and opens the personal fields of log entries."""

    def __init__(self, keys: SubjectKeys) -> None:
        self._keys = keys
        self._encode = msgspec.msgpack.Encoder().encode

    def split(
        self, scope: Scope, fields: Fields, digest: Digest, seq: int
    ) -> tuple[list[Any], tuple[Sealed, ...]]:
        """(values of CLEAR, sealed boxes) of the entry `seq`."""
        boxes = []
        for paths, subjects in _PERSONS:
            values = values_of(fields, paths)
            if values.count(None) < len(values):
                subject = _subject(fields, subjects, digest)
                boxes.append(self._box(scope, subject, values, seq))
        return values_of(fields, CLEAR), tuple(boxes)

    def seal_apart(
        self, scope: Scope, fields: Fields, digest: Digest, seq: int,
        of_payer: bytes | None, of_payee: bytes | None,
    ) -> tuple[Sealed, ...]:  # fmt: skip
        """What else is known of payer and payee, each under its key; beside the fields of `seq`."""
        parts = ((of_payer, _PAYER_SUBJECTS), (of_payee, _PAYEE_SUBJECTS))
        boxes = []
        for octets, subjects in parts:
            if octets is not None:
                subject = _subject(fields, subjects, digest)
                box = self._keys.seal(scope, subject, octets, _context(seq) + _APART)
                boxes.append(Sealed(subject, box))
        return tuple(boxes)

    def open_apart(self, scope: Scope, seq: int, sealed: Sequence[Sealed]) -> list[bytes]:
        """What `seal_apart` sealed and can still be read."""
        context = _context(seq) + _APART
        found = (self._keys.open(scope, box.subject, box.box, context) for box in sealed)
        return [plain for plain in found if not isinstance(plain, Erased)]

    def open(
        self, scope: Scope, seq: int, clear: Stored, sealed: Sequence[Sealed]
    ) -> tuple[Fields, tuple[Gone, ...]]:
        """(every field that can still be read, persons erased since) of the entry `seq`."""
        fields, gone = by_path(clear, CLEAR), []
        for box in sealed:
            plain = self._keys.open(scope, box.subject, box.box, _context(seq))
            if isinstance(plain, Erased):
                gone.append(Gone(person_of(box.subject), plain.erased_at_us))
            else:
                fields.update(by_path(_DECODER.decode(plain), SEALED))
        return fields, tuple(gone)

    def _box(self, scope: Scope, subject: str, values: list[Any], seq: int) -> Sealed:
        octets = self._encode(values)
        return Sealed(subject, self._keys.seal(scope, subject, octets, _context(seq)))


def _subject(fields: Fields, candidates: Sequence[tuple[str, str]], digest: Digest) -> str:
    for kind, path in candidates:
        value = fields.get(path)
        if value is not None:
            return _name(kind, value, digest)
    return "unknown"


def subjects_of(fields: Fields, digest: Digest) -> set[str]:
    """Every subject that the identifiers among `fields` can stand for, not the strongest alone."""
    known = ((kind, fields.get(path)) for kind, path in (*_PAYER_SUBJECTS, *_PAYEE_SUBJECTS))
    return {_name(kind, value, digest) for kind, value in known if value is not None}


def _name(kind: str, value: Any, digest: Digest) -> str:
    return f"{kind}-{digest(kind, value):016x}"


def strongest(fields: Fields, person: str) -> str | None:
    """The identifier that names the key of `payer` or `payee`; None where there is none."""
    candidates = _PAYEE_SUBJECTS if person == "payee" else _PAYER_SUBJECTS
    known = (fields.get(path) for _, path in candidates)
    return next((str(value) for value in known if value is not None), None)


def person_of(subject: str) -> str:
    """Whether a subject's name is that of a `payer` or a `payee`."""
    kind = subject.partition("-")[0]
    return "payee" if kind in dict(_PAYEE_SUBJECTS) else "payer"


def _context(seq: int) -> bytes:
    return seq.to_bytes(8, "big")
