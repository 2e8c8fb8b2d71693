"""History of before: a customer's own payments, results and labels through the same log.

Guards: an imported payment is read, derived, sealed and counted by the very functions that a live
one passes, so windows, back-tests and models cannot tell the two apart; it is not decided and
nobody is told of it. `occurred_at` is taken as it is (the clock of files), and the log never goes
back: what lies before its clock is refused. An attempt or event id counts once: the same content
again is a repeat, other content a conflict. Between the first entry of an import (IMPORT) and its
last (IMPORT_END) the scope decides nothing, because half a history misleads. Every entry names its
row, so an import that was killed goes on behind the last durable one, without loss or double.
One process owns the home meanwhile. Not done here: files and their order (`paywarden.lab`).
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from paywarden.core.errors import Corrupt, InvalidRequest
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.decision import entries
from paywarden.decision.derive import Deriver
from paywarden.decision.entries import EventEntry, ImportedEntry, PaymentEntry
from paywarden.decision.intake import Fields
from paywarden.decision.labelling import LABEL, Labelled, add_reason_kind, book_of, labelled
from paywarden.decision.ledger import Stores
from paywarden.decision.sealing import Sealer
from paywarden.decision.state import Observed
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.journal.model import Entry
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.observation import Observation
from paywarden.risk.features.observing import inherit, observe_fields

BATCH = 1_000
IN_FLIGHT = 4
REMEMBERED = 20_000
"""Entries at hand in each of two generations; older ones are read from the log."""
RECORDED, REPEATED, CONFLICT, UNKNOWN = "recorded", "repeated", "conflict", "unknown_payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an import works with. `keep` is told of each durable observation, in order.

    `digester` is for names that come again, `names` (the same key) for those that come once.
    """

    stores: Stores
    scope: Scope
    digester: Digester
    names: Digester
    sealer: Sealer
    deriver: Deriver
    body_key: Secret[bytes]
    keep: Callable[[Scope, Observation], None]


@dataclass(slots=True)
class _Batch:
    unit: UnitOfWork = field(default_factory=UnitOfWork)
    rows: int = 0
    seen: list[Observation] = field(default_factory=list)


class _Paid(NamedTuple):
    """What later rows need of an imported payment."""

    observation: Observation
    payment_id: str
    body_digest: bytes


class HistoryImport:
    """Writes rows in order of time behind the log; `observed` is the scope's state without windows.

    `begun`: seq of the IMPORT entry; `fresh`: the scope had no event before it, so no event id
    needs looking up. Legal order: rows rising in `row` and time, then `flush`.
    """

    def __init__(
        self, tools: Tools, observed: Observed, begun: int, now_us: int, *, fresh: bool
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.degraded: Counter[str] = Counter()
        self._tools = tools
        self._observed = observed
        self._begun = begun
        self._now_us = now_us
        self._fresh = fresh
        self._durable = begun
        self._batch = _Batch()
        self._flying: deque[tuple[Future[None], list[Observation]]] = deque()
        self._young: dict[int, Any] = {}
        self._old: dict[int, Any] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._key = tools.body_key.expose()

    def payment(self, row: int, time_us: int, fields: Fields) -> str:
        """Take one payment: RECORDED, REPEATED or CONFLICT.

        `fields` are given ones, in the order of their paths, without the instant.
        """
        tools, observed = self._tools, self._observed
        digest = self._digest(time_us, fields)
        name, attempt = fields["payment.id"], fields["payment.attempt"]
        identity = tools.names.digest("attempt", f"{len(name)}:{name}:{attempt}")
        prior = observed.identities.get(identity)
        if prior:
            return self._count(self._again(prior, digest))
        t_us, s_us, late = observed.ticker.recorded(time_us)
        fields["payment.occurred_at"] = time_us
        degraded = tools.deriver.derive(fields, s_us, late)
        self.degraded.update(degraded)
        seq = tools.stores.journal.staged_head + 1
        seen = observe_fields(
            fields, tools.digester.digest, seq=seq, t_us=t_us, s_us=s_us, identity=identity
        )
        clear, sealed = tools.sealer.split(tools.scope, fields, tools.digester.digest, seq)
        entry = ImportedEntry(seen, self._now_us, clear, sealed, digest, degraded, self._begun, row)
        self._stage(entries.IMPORTED, seq, time_us, entry, seen)
        self._remember(seq, _Paid(seen, name, digest))
        return self._count(RECORDED)

    def event(
        self, row: int, time_us: int, event_id: str, payment: tuple[str, str], fields: Fields
    ) -> str:
        """Take a result or label of `payment` (id, attempt); `fields` are its own (`event.*`)."""
        tools, observed = self._tools, self._observed
        digest = self._digest(time_us, fields)
        identity = tools.names.digest("event", f"{len(event_id)}:{event_id}:")
        prior = self._event_seq(identity)
        if prior:
            return self._count(self._again(prior, digest))
        attempt = self._attempt(*payment)
        if attempt is None:
            return self._count(UNKNOWN)
        add_reason_kind(fields, "")
        t_us, s_us, _late = observed.ticker.recorded(time_us)
        seq = tools.stores.journal.staged_head + 1
        seen, label = self._observe(attempt, fields, {"seq": seq, "t_us": t_us, "s_us": s_us})
        clear, sealed = tools.sealer.split(tools.scope, fields, tools.digester.digest, seq)
        entry = EventEntry(
            seen, time_us, event_id, digest, clear, sealed,
            book=label.effect.book if label is not None else None,
            previous=label.previous if label is not None else 0,
            imported=self._begun, row=row,
        )  # fmt: skip
        observed.identities.put(identity, seq)
        tools.stores.records.add_identity(self._batch.unit, tools.scope, identity, seq)
        self._stage(entries.EVENT, seq, time_us, entry, seen)
        if label is not None:
            self._remember(seq, entry)
        return self._count(RECORDED)

    def flush(self) -> None:
        """Return when everything taken is durable. Errors: those of the writer."""
        self._send()
        while self._flying:
            self._land()

    # --- parts ------------------------------------------------------------------------------

    def _observe(
        self, attempt: Observation, fields: Fields, place: dict[str, int]
    ) -> tuple[Observation, Labelled | None]:
        if fields["event.kind"] != LABEL:
            return inherit(attempt, fields, **place), None
        seq = self._observed.labels.get(attempt.identity)
        made = labelled(attempt, fields, (seq, book_of(self._body(seq), seq)), place)
        return made.observation, made

    def _attempt(self, payment_id: str, attempt: str) -> Observation | None:
        name = f"{len(payment_id)}:{payment_id}:{attempt}"
        seq = self._observed.identities.get(self._tools.names.digest("attempt", name))
        entry = self._body(seq)
        if (
            not isinstance(entry, _Paid | ImportedEntry | PaymentEntry)
            or entry.payment_id != payment_id
        ):
            return None
        seen: Observation = entry.observation
        return seen

    def _body(self, seq: int) -> Any:
        """The body of entry `seq` of this scope, durable or on its way; None for 0."""
        if not seq:
            return None
        found = self._young.get(seq)
        if found is None:
            found = self._old.get(seq)
        if found is None:
            if seq > self._durable:
                self.flush()  # an entry on its way that memory has dropped
            for entry in self._tools.stores.journal.read(self._tools.scope, seq, 1):
                if entry.seq == seq:
                    found = entries.decode(entry.kind, entry.body)
        if found is not None:
            self._remember(seq, found)
        return found

    def _remember(self, seq: int, entry: Any) -> None:
        if len(self._young) >= REMEMBERED:
            self._old, self._young = self._young, {}
        self._young[seq] = entry

    def _event_seq(self, identity: int) -> int:
        found = self._observed.identities.get(identity)
        if not found and not self._fresh:
            found = self._tools.stores.records.identity(self._tools.scope, identity)
        return found

    def _again(self, prior: int, digest: bytes) -> str:
        entry = self._body(prior)
        return REPEATED if entry is not None and entry.body_digest == digest else CONFLICT

    def _digest(self, time_us: int, fields: Fields) -> bytes:
        keyed = hashlib.blake2b(self._encode((time_us, fields)), key=self._key, digest_size=16)
        keyed.update(self._tools.scope.text.encode())
        return keyed.digest()

    def _count(self, word: str) -> str:
        self.counts[word] += 1
        return word

    def _stage(self, kind: str, seq: int, at_us: int, body: Any, seen: Observation) -> None:
        tools, batch = self._tools, self._batch
        entry = Entry(seq, tools.scope, kind, at_us, entries.encode(body))
        tools.stores.journal.append(batch.unit, [entry])
        self._observed.remember(seen)
        batch.seen.append(seen)
        batch.rows += 1
        if batch.rows >= BATCH:
            self._send()

    def _send(self) -> None:
        batch = self._batch
        if not batch.rows:
            return
        self._flying.append((self._tools.stores.writer.submit(batch.unit), batch.seen))
        self._batch = _Batch()
        while len(self._flying) > IN_FLIGHT:
            self._land()

    def _land(self) -> None:
        future, seen = self._flying.popleft()
        future.result()
        self._durable = seen[-1].seq
        for one in seen:
            self._tools.keep(self._tools.scope, one)


def resume_row(last: Entry | None, begun: int) -> int:
    """The row at which the import `begun` goes on; `last`: the last entry of the scope behind it.

    Errors: Corrupt when the scope went on with something else (which `Ledger.ready` prevents).
    """
    if last is None:
        return 0
    body = entries.decode(last.kind, last.body) if last.kind in _ROWS else None
    if body is None or body.imported != begun:
        raise Corrupt(
            "import_mixed", "the log went on behind the unfinished import; abandon the import"
        )
    return int(body.row) + 1


_ROWS = (entries.IMPORTED, entries.EVENT)


def check_behind(first_us: int, clock_us: int, place: str) -> None:
    """Errors: InvalidRequest `import_behind_log` for a row before the clock of the log."""
    if first_us < clock_us:
        raise InvalidRequest(
            "import_behind_log",
            "the row lies before what this log holds already, and a log never goes back; import"
            " into a new home (`paywarden --home NEW init`) and let traffic go there, or leave"
            " out what lies before the clock of this log",
            pointer=place,
        )
