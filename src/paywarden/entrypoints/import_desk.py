"""The desk of an import: what the scope holds, the first entry, the rows, the last entry.

Guards: an import of other files does not begin while one is unfinished; what lies behind the log is
refused before anything is written; both control entries carry an audit event with the digests of
the files. Not done here: the command line (`import_history.py`), rows (`decision.importing`).
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from paywarden.cli import output
from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, InvalidRequest, NotFound, Unavailable
from paywarden.core.instants import format_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.derive import Deriver
from paywarden.decision.entries import ImportEndEntry, ImportEntry
from paywarden.decision.import_records import KnownImports, known_imports
from paywarden.decision.importing import (
    CONFLICT,
    RECORDED,
    REPEATED,
    UNKNOWN,
    HistoryImport,
    Tools,
    check_behind,
    resume_row,
)
from paywarden.decision.state import KIND, Observed
from paywarden.entrypoints.installation import Installation
from paywarden.kit.audit import AuditEvent, AuditOutcome, Scalar
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.journal.model import Entry
from paywarden.lab.event_files import FIELDS
from paywarden.lab.history_files import PAYMENT, Block, Checked, HistoryFiles, fields_of
from paywarden.lab.prepared import rates_of
from paywarden.risk.enrichment.enricher import Enricher
from paywarden.risk.features.observation import Observation
from paywarden.risk.rules.reader import read_policy_files

SHOWN = 20
FILES_SHOWN = 20
PROGRESS_ROWS = 2_000
KEEPER_BACKLOG = 50_000
KEEPER_PAUSE_SECONDS = 0.005
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class _Taken:
    """Rows of this run that were left out, and what the log holds of the whole import."""

    problems: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0
    payments: int = 0
    events: int = 0


class Desk:
    """One import into one scope of an open home."""

    def __init__(self, own: Installation, scope: Scope, clock: Clock, actor: str) -> None:
        self.clock = clock
        self._own, self._scope, self._actor = own, scope, actor
        self._taken = _Taken()

    def run(
        self, files: HistoryFiles, checked: Checked, progress: Progress, resume: bool
    ) -> dict[str, Any]:
        """Import what was checked; the document of the command. Errors: Conflict, InvalidRequest"""
        known = self.known()
        if self._done_before(known, checked):
            return {"repeated_files": True, **told(checked)}
        self._may_begin(known, checked, resume)
        observed, last_seq = self._fold(known.unfinished)
        fresh = last_seq == 0
        if known.unfinished:
            begun, start = known.unfinished, self._resume_row(last_seq, known.unfinished)
            output.tell(f"going on behind row {start}")
        else:
            check_behind(checked.first_us, observed.ticker.t_us, checked.first_place)
            begun, start = self._begin(known, checked, fresh), 0
        started, now_us = time.monotonic(), self.clock.now_us()
        made = HistoryImport(self._tools(known, files), observed, begun, now_us, fresh=fresh)
        with _rarely_collected():
            for block in files.blocks(start, output.tell):
                self._write(made, block, start, checked, progress)
            made.flush()
        seconds = time.monotonic() - started
        return self._end(known, checked, made, begun, files.not_yet, seconds)

    def known(self) -> KnownImports:
        """The rare entries of the scope. Errors: Unavailable when the scope is not set up."""
        return known_imports(self._own.records, self._own.journal, self._scope)

    def abandon(self, known: KnownImports) -> dict[str, Any]:
        """End the unfinished import: its rows stay, and the log is complete from now on only."""
        now_us = self.clock.now_us()
        body = ImportEndEntry(known.unfinished, False, {}, now_us)
        self._control(entries.IMPORT_END, body, "import:history:abandon", {}, AuditOutcome.FAILED)
        return {"abandoned": known.unfinished, "history_complete_from": format_rfc3339(now_us)}

    # --- parts ------------------------------------------------------------------------------

    def _done_before(self, known: KnownImports, checked: Checked) -> bool:
        return any(
            entry.digest == checked.digest and seq in known.done
            for seq, entry in known.begun.items()
        )

    def _may_begin(self, known: KnownImports, checked: Checked, resume: bool) -> None:
        if not known.unfinished:
            return
        same = known.begun[known.unfinished].digest == checked.digest
        if not same:
            raise Conflict(
                "import_other_unfinished",
                "an import of other files has not ended; resume it with its files and map as they"
                " were, or end it as it is with --abandon",
            )
        if not resume:
            raise Conflict("import_unfinished", "this import has not ended; go on with --resume")

    def _fold(self, begun: int) -> tuple[Observed, int]:
        """State of the scope without windows, and its last observation; the keeper's tail."""
        own, observed, last = self._own, Observed(history_start_us=0), 0
        sealed = own.history.sealed_up_to(self._scope)
        for chunk in own.history.columns(self._scope, 0, own.journal.head()):
            observed.fold(chunk)
            last = int(chunk.seq[-1])
            if last > sealed:
                cut = int(np.searchsorted(chunk.seq, sealed, "right"))
                own.keeper.extend(self._scope, chunk.slice(cut, len(chunk)))
            if begun:
                ours = chunk.seq > begun
                payment = chunk.symbols.index("payment") if "payment" in chunk.symbols else -2
                paid = int((ours & (chunk.values[KIND] == payment)).sum())
                self._taken.payments += paid
                self._taken.events += int(ours.sum()) - paid
        return observed, last

    def _resume_row(self, last_seq: int, begun: int) -> int:
        if last_seq < begun:
            return resume_row(None, begun)
        entry = next(iter(self._own.journal.read(self._scope, last_seq, 1)))
        return resume_row(entry, begun)

    def _begin(self, known: KnownImports, checked: Checked, fresh: bool) -> int:
        start = known.history_start_us
        assert start is not None
        if fresh:
            start = min(start, checked.first_us)
        body = ImportEntry(checked.digest, checked.files, start, self._actor)
        known.history_start_us = start
        return self._control(
            entries.IMPORT, body, "import:history:begin", _audited(checked), AuditOutcome.DONE
        )

    def _control(
        self, kind: str, body: Any, action: str, detail: dict[str, Scalar], outcome: AuditOutcome
    ) -> int:
        """One rare entry with its audit event, durable on return; its seq."""
        own, unit, now_us = self._own, UnitOfWork(), self.clock.now_us()
        seq = own.journal.staged_head + 1
        own.journal.append(unit, [Entry(seq, self._scope, kind, now_us, entries.encode(body))])
        own.records.add_control(unit, self._scope, seq, kind)
        detail = {"seq": seq, **detail}
        event = AuditEvent(self._scope, action, self._actor, outcome, now_us, detail)
        own.audit.record(unit, event)
        own.writer.submit(unit).result()
        return seq

    def _tools(self, known: KnownImports, files: HistoryFiles) -> Tools:
        own = self._own
        digester, names = own.bulk_digesters(self._scope)
        return Tools(
            stores=own.ledger.stores, scope=self._scope, digester=digester, names=names,
            sealer=own.sealer, deriver=self._deriver(known, files), body_key=own.keys.sub("bodies"),
            keep=self._keep,
        )  # fmt: skip

    def _deriver(self, known: KnownImports, files: HistoryFiles) -> Deriver:
        """As for live payments; rates of the map, where it has some, instead of the table's."""
        if known.ruleset is None:
            raise Unavailable("no_policy", "no ruleset is published for this environment")
        row = self._own.records.ruleset(self._scope, known.ruleset)
        if row is None:
            raise NotFound("ruleset_not_found", "the published ruleset is not stored here")
        base = read_policy_files(row.files()).base_currency
        deriver = self._own.derivers(base)
        if files.mapping.rates is None:
            return deriver
        rates = rates_of(files.mapping.rates, base)
        return Deriver(Enricher(replace(deriver.tables, rates=rates)))

    def _keep(self, scope: Scope, seen: Observation) -> None:
        keeper = self._own.keeper
        keeper.add(scope, seen)
        while seen.seq % 256 == 0 and keeper.waiting > KEEPER_BACKLOG:
            time.sleep(KEEPER_PAUSE_SECONDS)

    def _write(
        self, made: HistoryImport, block: Block, start: int, checked: Checked,
        progress: Progress,
    ) -> None:  # fmt: skip
        total = checked.payments + checked.events
        for number, kind, time_us, values, row in block.rows(start):
            place = block.place
            if kind == PAYMENT:
                word = made.payment(number, time_us, fields_of(block.paths, values))
            else:
                word = self._event(made, number, time_us, values)
            if word not in (RECORDED, REPEATED):
                self._left_out(place(kind, row), word)
            elif word == RECORDED:
                self._taken.payments += kind == PAYMENT
                self._taken.events += kind != PAYMENT
            if number % PROGRESS_ROWS == 0:
                progress(number, max(total, number))

    def _event(
        self, made: HistoryImport, number: int, time_us: int, values: tuple[Any, ...]
    ) -> str:
        event_id, payment_id, attempt, *rest = values
        own = {path: one for path, one in zip(FIELDS, rest, strict=True) if one is not None}
        try:
            return made.event(number, time_us, event_id, (payment_id, attempt), own)
        except InvalidRequest as refusal:
            return refusal.code

    def _left_out(self, place: str, code: str) -> None:
        taken = self._taken
        taken.refused += code not in (CONFLICT, UNKNOWN)
        if len(taken.problems) < SHOWN:
            taken.problems.append({"place": place, "code": code})
            output.tell(f"{place}: left out [{code}]")

    def _end(
        self, known: KnownImports, checked: Checked, made: HistoryImport, begun: int, not_yet: int,
        seconds: float,
    ) -> dict[str, Any]:  # fmt: skip
        taken, counts = self._taken, made.counts
        totals = {
            "payments": taken.payments, "events": taken.events, "repeated": counts[REPEATED],
            "conflict": counts[CONFLICT], "unknown_payment": counts[UNKNOWN],
            "refused": taken.refused, "not_yet_known": not_yet,
        }  # fmt: skip
        assert known.history_start_us is not None
        body = ImportEndEntry(begun, True, totals, known.history_start_us)
        detail = {**_audited(checked), **totals}
        self._control(entries.IMPORT_END, body, "import:history:end", detail, AuditOutcome.DONE)
        rows = made.counts.total()
        return {
            "repeated_files": False,
            **totals,
            "rows_this_run": rows,
            "seconds": round(seconds, 3),
            "rows_per_second": round(rows / seconds) if seconds > 0 else 0,
            "degraded": dict(sorted(made.degraded.items())),
            "first": format_rfc3339(checked.first_us),
            "last": format_rfc3339(checked.last_us),
            "left_out": taken.problems,
        }


@contextmanager
def _rarely_collected() -> Iterator[None]:
    """Rows make many objects and hardly any cycle, so that cycles are looked for less often."""
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _audited(checked: Checked) -> dict[str, Scalar]:
    """What the audit log says of the files: digests, the names' places alone."""
    detail: dict[str, Scalar] = {"import": checked.digest.hex(), "files": len(checked.files)}
    for number, (_name, digest) in enumerate(checked.files[:FILES_SHOWN], 1):
        detail[f"sha256_{number}"] = digest
    return detail


def told(checked: Checked) -> dict[str, Any]:
    """What lies in the files, for people and machines."""
    return {
        "payments": checked.payments,
        "events": checked.events,
        "first": format_rfc3339(checked.first_us),
        "last": format_rfc3339(checked.last_us),
        "files": [{"name": name, "sha256": digest} for name, digest in checked.files],
    }
