"""The event log held against the audit log: is it still what was decided and logged?

Guards: an export is made from two stores that a thief of the disk can both write to. The event
log's own chain names an entry that was changed, removed or moved; whoever computes the chain anew
is found by the leaves, which bind the hash of what each decision stated. Everything is looked at,
nothing is judged here: the findings go into the export (`journal.json`), where the verifier names
the first. Not found here: entries whose leaves never were written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from paywarden.core.errors import PaywardenError
from paywarden.core.scope import Scope
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.entries import PaymentEntry
from paywarden.decision.statement import decision_hash, statement
from paywarden.kit.audit import READ_LIMIT, AuditRow, AuditRows
from paywarden.kit.journal.ports import Journal

DECIDED: Final = "decision:payment:decide"
NAMED: Final = 100
Read = Callable[[Scope, int], object]
"""The decoded entry of a scope at a place of the log, or None."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that does not fit: `record` is the leaf that says so, `seq` the entry."""

    code: str
    detail: str
    seq: int | None = None
    record: int | None = None


class JournalReport(msgspec.Struct, frozen=True):
    """What was looked at, and the first findings; `findings_total` counts all."""

    entries: int
    head_digest: str
    decisions: int
    findings_total: int
    findings: list[Finding]
    v: int = 1


class JournalCheck:
    """Looks once through both logs; `size` leaves are covered by the last checkpoint."""

    def __init__(self, journal: Journal, rows: AuditRows, read: Read, ids: DecisionIds) -> None:
        self._journal = journal
        self._rows = rows
        self._read = read
        self._ids = ids
        self._findings: list[Finding] = []
        self._total = 0
        self._decisions = 0

    def run(self, size: int) -> JournalReport:
        """Check the chain, then every decision under a leaf. Errors: Unavailable."""
        head = self._journal.head()
        self._chain()
        for row, seq, told in self._decided(size):
            self._decisions += 1
            self._compare(row, seq, told)
        digest = self._journal.mark(head).hex()
        return JournalReport(head, digest, self._decisions, self._total, self._findings)

    def statements(self, size: int) -> Iterator[tuple[int, bytes]]:
        """What each decision states that can be read, by the index of its leaf."""
        for row, seq, _told in self._decided(size):
            scope = Scope.parse(row.scope)
            entry = self._entry(scope, seq)
            if isinstance(entry, PaymentEntry):
                yield row.id - 1, statement(self._ids.text(scope, seq), entry)

    def _chain(self) -> None:
        try:
            self._journal.verify()
        except PaywardenError as fault:
            self._find("journal_chain_broken", fault.detail)

    def _decided(self, size: int) -> Iterator[tuple[AuditRow, int, str]]:
        after = 0
        while after < size and (rows := self._rows.rows(after, min(READ_LIMIT, size - after))):
            for row in rows:
                if row.action != DECIDED or row.id > size:
                    continue
                try:
                    detail = msgspec.json.decode(row.detail, type=_Detail)
                except msgspec.DecodeError:
                    continue  # the verifier names a leaf that cannot be read
                if detail.decision is not None and detail.seq is not None:
                    yield row, detail.seq, detail.decision
            after = rows[-1].id

    def _compare(self, row: AuditRow, seq: int, told: str) -> None:
        scope = Scope.parse(row.scope)
        try:
            entry = self._read(scope, seq)
        except PaywardenError as fault:
            self._find("journal_entry_damaged", fault.detail, seq, row.id - 1)
            return
        if not isinstance(entry, PaymentEntry):
            self._find("journal_entry_missing", "the decision is not there", seq, row.id - 1)
        elif decision_hash(self._ids.text(scope, seq), entry) != told:
            text = "the event log holds another decision than the audit log"
            self._find("journal_entry_differs", text, seq, row.id - 1)

    def _entry(self, scope: Scope, seq: int) -> object:
        try:
            return self._read(scope, seq)
        except PaywardenError:
            return None  # `run` told of it

    def _find(
        self, code: str, detail: str, seq: int | None = None, record: int | None = None
    ) -> None:
        self._total += 1
        if len(self._findings) < NAMED:
            self._findings.append(Finding(code, detail, seq, record))


class _Detail(msgspec.Struct):
    seq: int | None = None
    decision: str | None = None
