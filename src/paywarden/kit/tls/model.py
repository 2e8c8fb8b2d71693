"""What was seen of a TLS endpoint, and what is wrong with it; pure values."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """`fault` fails the check, `warning` should be planned for, `note` is good to know."""

    FAULT = "fault"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class TlsFinding:
    """One judgement: a stable code, how bad it is, what was seen and what to do."""

    code: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class LeafCertificate:
    """The server's own certificate. Times in microseconds since 1970 UTC."""

    subject: str
    issuer: str
    not_before_us: int
    not_after_us: int
    key_kind: str
    key_bits: int
    signature_hash: str
    names: tuple[str, ...]
    sha256: str

    @property
    def self_signed(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.subject == self.issuer


@dataclass(frozen=True, slots=True)
class TlsObserved:
    """What an endpoint did. `trust_fault`: why the chain or the name was not believed, or None.

    `versions` and `weak`: what the endpoint accepted of what this machine could still offer;
    `untried`: what it could not offer.
    """

    versions: tuple[str, ...]
    weak: tuple[str, ...]
    untried: tuple[str, ...]
    cipher: str | None
    trust_fault: str | None
    leaf: LeafCertificate | None
