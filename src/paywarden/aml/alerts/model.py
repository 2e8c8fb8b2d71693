"""One alert of anti-money-laundering, with everything that a case needs. Pure values.

Guards: an alert names who it is about by kind and id, never by name or account in the clear;
evidence holds references (payments, decisions, list entries) and figures, so that erasing a person
leaves alerts valid. The id follows from content, so that work repeated after a crash raises the
same alert and not a second one. Not done here: cases and reports (`paywarden.cases`).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal, get_args

AlertKind = Literal["screening", "typology", "customer_risk"]
EntityKind = Literal["payer", "payee", "account", "merchant", "customer"]

ALERT_KINDS: Final[tuple[str, ...]] = get_args(AlertKind)
ENTITY_KINDS: Final[tuple[str, ...]] = get_args(EntityKind)
MOST_EVIDENCE: Final = 200
"""References of one kind that an alert carries; the count says how many there were."""


@dataclass(frozen=True, slots=True)
class Entity:
    """Whom an alert is about. `id`: as the caller named it, or a keyed hash of an account."""

    kind: EntityKind
    id: str


@dataclass(frozen=True, slots=True)
class Reason:
    """One part of a score: the term's name, what it added, and the sentence with its values."""

    name: str
    weight: float
    says: str


@dataclass(frozen=True, slots=True)
class Alert:
    """Raised once; grouped with others of the same entity by `group`.

    `subject`: id of the typology, of the list entry, or of the risk model. `score` and `threshold`
    in the units of `kind` (typology points, screening 0..1, risk points). `interdicted`: the
    payment was held for it. `at_us`: event time, microseconds since 1970 UTC. `sequence`: position
    in the log that completed the pattern. `others`: further entities that take part. `versions`:
    what it rested on (ruleset, list snapshots, model). `quiet_days`: it is
    not kept when the same entity was alerted for the same subject within as many days before.
    """

    kind: AlertKind
    entity: Entity
    subject: str
    score: float
    threshold: float
    at_us: int
    sequence: int
    reasons: tuple[Reason, ...]
    interdicted: bool = False
    decisions: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    others: tuple[Entity, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    quiet_days: int = 0

    @property
    def id(self) -> str:
        """`al_` and 32 hex digits over kind, entity, subject and the sequence."""
        parts = (self.kind, self.entity.kind, self.entity.id, self.subject, str(self.sequence))
        return "al_" + sha256("\x1f".join(parts).encode()).hexdigest()[:32]

    @property
    def group(self) -> str:
        """`ag_` and 32 hex digits over the entity: alerts of one entity make one case."""
        parts = (self.entity.kind, self.entity.id)
        return "ag_" + sha256("\x1f".join(parts).encode()).hexdigest()[:32]
