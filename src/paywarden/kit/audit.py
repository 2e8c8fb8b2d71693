"""Audit events, appended in the same unit of work as the act that they tell about.

Guards: who did what, with which outcome, is written with the act or neither is; rows are never
changed (triggers in the file refuse it). Names follow `source:subject:action`, for instance
`decision:payment:decide`. Details hold identifiers and counts, never payloads, secrets or personal
data. Not done here: proofs (the evidence room's signed log reads these rows by their dense `id`),
reading rights. Source: PCI DSS 4.0.1 requirement 10.2.2 (content of an audit entry).
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from paywarden.core.errors import Corrupt
from paywarden.core.scope import Scope
from paywarden.kit.db.reader import Reader, Row
from paywarden.kit.db.statement import Insert
from paywarden.kit.db.unit import UnitOfWork

DETAIL_KEYS_LIMIT: Final = 50
DETAIL_LIMIT_OCTETS: Final = 8_192
READ_LIMIT: Final = 1_000
Scalar = str | int | bool | None
_WORD = r"[a-z][a-z0-9_]{0,31}"
_ACTION = re.compile(rf"{_WORD}:{_WORD}:{_WORD}\Z")
_ACTOR = re.compile(r"[a-z][a-z0-9_]{0,31}:[\x21-\x7e]{1,128}\Z")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_APPEND = Insert("audit_log", ("scope", "action", "actor", "outcome", "at_us", "detail"))
_READ = (
    "SELECT id, scope, action, actor, outcome, at_us, detail FROM audit_log"
    " WHERE id > ? ORDER BY id LIMIT ?"
)
_READ_SCOPE = (
    "SELECT id, scope, action, actor, outcome, at_us, detail FROM audit_log"
    " WHERE id > ? AND scope = ? ORDER BY id LIMIT ?"
)


class AuditOutcome(enum.StrEnum):
    """How the act ended: done as asked, refused by a rule of ours, or failed by a fault."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One act: `action` is `source:subject:action`, `actor` is `kind:identifier`.

    `detail` maps snake_case names to scalars: at most 50 names and 8 KiB as JSON.
    """

    scope: Scope
    action: str
    actor: str
    outcome: AuditOutcome
    at_us: int
    detail: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names(self.action, self.actor)
        if len(self.detail) > DETAIL_KEYS_LIMIT:
            raise ValueError(f"detail holds at most {DETAIL_KEYS_LIMIT} names")
        for name, value in self.detail.items():
            if not _KEY.match(name) or type(value) not in (str, int, bool, type(None)):
                raise ValueError("detail maps snake_case names to text, int, bool or null")


@functools.lru_cache(1_024)
def _check_names(action: str, actor: str) -> None:
    """ValueError for a bad name; few distinct ones exist and each act brings one."""
    if not _ACTION.match(action):
        raise ValueError("action must read source:subject:action in lower snake_case")
    if not _ACTOR.match(actor):
        raise ValueError("actor must read kind:identifier")


class AuditLog(Protocol):
    """Port: append events to a unit, read them back in order."""

    def record(self, unit: UnitOfWork, event: AuditEvent) -> None:
        """Add `event` to `unit`."""
        ...

    def read(
        self, scope: Scope | None, after_id: int, limit: int
    ) -> Sequence[tuple[int, AuditEvent]]:
        """Events with id above `after_id`, ascending, at most `limit`; None reads all scopes."""
        ...


class SqliteAuditLog:
    """`AuditLog` over the `audit_log` table."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def record(self, unit: UnitOfWork, event: AuditEvent) -> None:
        """Add `event` to `unit`; ValueError when its details pass 8 KiB."""
        unit.add(_APPEND, audit_row(event))

    def read(
        self, scope: Scope | None, after_id: int, limit: int
    ) -> Sequence[tuple[int, AuditEvent]]:
        """Events with id above `after_id`, ascending, at most `limit` (1 to 1,000)."""
        if not 1 <= limit <= READ_LIMIT:
            raise ValueError(f"limit is 1 to {READ_LIMIT}")
        if scope is None:
            rows = self._reader.rows(_READ, (after_id, limit))
        else:
            rows = self._reader.rows(_READ_SCOPE, (after_id, scope.text, limit))
        return [(row[0], _event(row)) for row in rows]


def audit_row(event: AuditEvent) -> tuple[str, str, str, str, int, bytes]:
    """Columns of `event` in the order of the table; the detail as canonical (sorted) JSON."""
    detail = msgspec.json.encode(event.detail, order="sorted") if event.detail else b"{}"
    if len(detail) > DETAIL_LIMIT_OCTETS:
        raise ValueError(f"detail holds at most {DETAIL_LIMIT_OCTETS} octets")
    scope = event.scope.text
    return (scope, event.action, event.actor, event.outcome.value, event.at_us, detail)


def _event(row: Row) -> AuditEvent:
    number, scope, action, actor, outcome, at_us, detail = row
    try:
        fields = msgspec.json.decode(detail, type=dict[str, Scalar])
        return AuditEvent(Scope.parse(scope), action, actor, AuditOutcome(outcome), at_us, fields)
    except (ValueError, TypeError) as fault:
        raise Corrupt("audit_corrupt", f"audit event {number} cannot be read") from fault
