"""Audit events, appended in the same unit of work as the act that they tell about.

Guards: who did what, with which outcome, is written with the act or neither is; rows are never
changed (triggers in the file refuse it). Names follow `source:subject:action`, for instance
`decision:payment:decide`. Details hold identifiers and counts, never payloads; personal values go
to `personal` (commitments in the open, values under the subject's key); what the injected screen
takes for a card number or a secret is refused. Each event gets its dense place in the log in the
writer's thread, in commit order: the log is a `Participant` of its writer. Not done here: hashes
and proofs (the evidence room makes leaves of these rows), reading rights. Source: PCI DSS 4.0.1
requirements 10.2.2 (content of an audit entry), 10.3 and 3.3.
"""

from __future__ import annotations

import enum
import functools
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from paywarden.core.errors import Corrupt, InvalidRequest
from paywarden.core.scope import Scope
from paywarden.kit.audit_personal import PersonalDetail, PersonalDetails
from paywarden.kit.audit_place import Place, Promiser, Wish, nothing_promised
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.statement import Insert, Parameters
from paywarden.kit.db.unit import UnitOfWork

DETAIL_KEYS_LIMIT: Final = 50
DETAIL_LIMIT_OCTETS: Final = 8_192
READ_LIMIT: Final = 1_000
Scalar = str | int | bool | None
Screen = Callable[[Scalar], bool]
"""Whether a value may not stand in the log (a card number, a secret)."""
_SAFE_INTEGER: Final = 2**53 - 1  # RFC 8785 and RFC 7493: what every JSON reader keeps exactly
_WORD = r"[a-z][a-z0-9_]{0,31}"
_ACTION = re.compile(rf"{_WORD}:{_WORD}:{_WORD}\Z")
_ACTOR = re.compile(r"[a-z][a-z0-9_]{0,31}:[\x21-\x7e]{1,128}\Z")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_GIVEN: Final = ("scope", "action", "actor", "outcome", "at_us", "detail", "personal", "sealed")
_SELECT: Final = f"SELECT id, {', '.join(_GIVEN)} FROM audit_log"  # noqa: S608
_READ: Final = f"{_SELECT} WHERE id > ? ORDER BY id LIMIT ?"
_READ_SCOPE: Final = f"{_SELECT} WHERE id > ? AND scope = ? ORDER BY id LIMIT ?"
_LAST: Final = "SELECT max(id) FROM audit_log"


class AuditOutcome(enum.StrEnum):
    """How the act ended: done as asked, refused by a rule of ours, or failed by a fault."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One act: `action` is `source:subject:action`, `actor` is `kind:identifier`.

    `detail` maps snake_case names to scalars (at most 50 names and 8 KiB as JSON, integers within
    53 bits), `personal` maps names to values of persons.
    """

    scope: Scope
    action: str
    actor: str
    outcome: AuditOutcome
    at_us: int
    detail: Mapping[str, Scalar] = field(default_factory=dict)
    personal: Mapping[str, PersonalDetail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names(self.action, self.actor)
        if len(self.detail) + len(self.personal) > DETAIL_KEYS_LIMIT:
            raise ValueError(f"detail holds at most {DETAIL_KEYS_LIMIT} names")
        for name, value in self.detail.items():
            if not _is_key(name) or type(value) not in (str, int, bool, type(None)):
                raise ValueError("detail maps snake_case names to text, int, bool or null")
            if type(value) is int and not -_SAFE_INTEGER <= value <= _SAFE_INTEGER:
                raise ValueError("a whole number in detail has at most 53 bits; write it as text")
        personal = self.personal
        if personal and (not all(map(_is_key, personal)) or personal.keys() & self.detail.keys()):
            raise ValueError("personal details have snake_case names of their own")


@functools.lru_cache(1_024)
def _is_key(name: str) -> bool:
    """Whether a detail may have this name; few distinct ones exist."""
    return _KEY.match(name) is not None


@functools.lru_cache(1_024)
def _check_names(action: str, actor: str) -> None:
    """ValueError for a bad name; few distinct ones exist and each act brings one."""
    if not _ACTION.match(action):
        raise ValueError("action must read source:subject:action in lower snake_case")
    if not _ACTOR.match(actor):
        raise ValueError("actor must read kind:identifier")


class AuditRow(NamedTuple):
    """A stored event: `detail` and `personal` (commitments) are canonical JSON, as in its leaf."""

    id: int
    scope: str
    action: str
    actor: str
    outcome: str
    at_us: int
    detail: bytes
    personal: bytes | None
    sealed: bytes | None


class AuditLog(Protocol):
    """Port: append events to a unit, read them back in order."""

    def record(self, unit: UnitOfWork, event: AuditEvent, wish: Wish | None = None) -> Place:
        """Add `event` to `unit`; its place, and the promise of `wish`, are known when durable."""
        ...

    def read(
        self, scope: Scope | None, after_id: int, limit: int
    ) -> Sequence[tuple[int, AuditEvent]]:
        """Events with id above `after_id`, ascending, at most `limit`; None reads all scopes."""
        ...


class AuditRows(Protocol):
    """Port: stored events as leaves are made of them."""

    def rows(self, after_id: int, limit: int, scope: Scope | None = None) -> Sequence[AuditRow]:
        """Rows with id above `after_id`, ascending, at most `limit`; None reads all scopes."""
        ...

    def last_id(self) -> int:
        """Id of the last durable event; 0 when there is none."""
        ...


def nothing_refused(_value: Scalar) -> bool:
    """The screen of logs whose events hold nothing from outside."""
    return False


class SqliteAuditLog:
    """`AuditLog` and `AuditRows` over the `audit_log` table; a `Participant` of its writer.

    Args: `details` seals personal details (without it events with some are refused), `screen` says
    which values are refused.
    """

    def __init__(
        self,
        reader: Reader,
        details: PersonalDetails | None = None,
        screen: Screen = nothing_refused,
    ) -> None:
        self._reader = reader
        self._details = details
        self._screen = screen
        self._last: int | None = None
        self._committed = 0
        self._wishes: list[Place] = []
        self.promiser: Promiser = nothing_promised
        self._append = Insert(
            "audit_log", ("id", *_GIVEN), finish=self._number, given=len(_GIVEN) + 1
        )

    def record(self, unit: UnitOfWork, event: AuditEvent, wish: Wish | None = None) -> Place:
        """Add `event` to `unit`; `wish` is promised with the commit when the log is signed.

        Errors: ValueError when its details pass 8 KiB, InvalidRequest `audit_detail_refused`.
        """
        for value in event.detail.values():
            if self._screen(value):
                raise InvalidRequest(
                    "audit_detail_refused",
                    "a detail looks like a card number or a secret; log an identifier instead",
                )
        place = Place(wish)
        unit.add(self._append, (place, *audit_row(event, self._details)))
        return place

    def read(
        self, scope: Scope | None, after_id: int, limit: int
    ) -> Sequence[tuple[int, AuditEvent]]:
        """Events with id above `after_id`, ascending, at most `limit` (1 to 1,000)."""
        return [(row.id, _event(row)) for row in self.rows(after_id, limit, scope)]

    def rows(self, after_id: int, limit: int, scope: Scope | None = None) -> Sequence[AuditRow]:
        """Rows with id above `after_id`, ascending, at most `limit` (1 to 1,000)."""
        if not 1 <= limit <= READ_LIMIT:
            raise ValueError(f"limit is 1 to {READ_LIMIT}")
        if scope is None:
            found = self._reader.rows(_READ, (after_id, limit))
        else:
            found = self._reader.rows(_READ_SCOPE, (after_id, scope.text, limit))
        return [AuditRow(*row) for row in found]

    def last_id(self) -> int:
        """Id of the last durable event, from the file; 0 when there is none."""
        row = self._reader.one(_LAST)
        return 0 if row is None or row[0] is None else int(row[0])

    def reset(self, connection: sqlite3.Connection) -> None:
        """Take up after the last durable event (start and recovery)."""
        row = connection.execute(_LAST).fetchone()
        self._last = self._committed = row[0] or 0
        self._wishes.clear()

    def before(self) -> None:
        """Nothing has to precede the batch."""

    def committed(self) -> None:
        """The numbers given are durable: what was wished for is promised now."""
        self._committed = self._last or 0
        if self._wishes:
            wishes, self._wishes = self._wishes, []
            self.promiser(wishes)

    def rolled_back(self) -> None:
        """Numbers of a batch that left nothing are given again, and nothing of it is promised."""
        self._last = self._committed
        self._wishes.clear()

    def _number(self, given: Parameters) -> Parameters:
        if self._last is None:
            raise Corrupt(
                "audit_log_unattached", "give the audit log to its writer as a participant"
            )
        self._last += 1
        place: Place = given[0]
        place.settle(self._last - 1)
        if place.wish is not None:
            self._wishes.append(place)
        return (self._last, *given[1:])


def audit_row(event: AuditEvent, details: PersonalDetails | None = None) -> tuple[Any, ...]:
    """Columns of `event` in the order of the table; details as canonical (RFC 8785) JSON."""
    detail = msgspec.json.encode(event.detail, order="sorted") if event.detail else b"{}"
    if len(detail) > DETAIL_LIMIT_OCTETS:
        raise ValueError(f"detail holds at most {DETAIL_LIMIT_OCTETS} octets")
    personal = sealed = None
    if event.personal:
        if details is None:
            raise ValueError("this audit log was given no keys for personal details")
        personal, sealed = details.seal(event.scope, event.personal)
    scope, outcome = event.scope.text, event.outcome.value
    return (scope, event.action, event.actor, outcome, event.at_us, detail, personal, sealed)


def _event(row: AuditRow) -> AuditEvent:
    try:
        fields = msgspec.json.decode(row.detail, type=dict[str, Scalar])
        return AuditEvent(
            Scope.parse(row.scope), row.action, row.actor, AuditOutcome(row.outcome), row.at_us,
            fields,
        )  # fmt: skip
    except (ValueError, TypeError) as fault:
        raise Corrupt("audit_corrupt", f"audit event {row.id} cannot be read") from fault
