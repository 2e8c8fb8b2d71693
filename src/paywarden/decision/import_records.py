"""What the rare entries of a scope say of imports: those that ended, the open one, the history.

Guards: read from the log alone, so that a resumed or repeated import needs no record of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paywarden.core.errors import Unavailable
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.entries import ImportEntry
from paywarden.decision.ports import Records
from paywarden.kit.journal.ports import Journal


@dataclass(slots=True)
class KnownImports:
    """History start and ruleset of a scope; imports by first entry, those done, the open one."""

    history_start_us: int | None = None
    ruleset: str | None = None
    begun: dict[int, ImportEntry] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    unfinished: int = 0


def known_imports(records: Records, journal: Journal, scope: Scope) -> KnownImports:
    """The rare entries of a scope. Errors: Unavailable when the scope is not set up."""
    found = KnownImports()
    for seq, owner, kind in records.control_entries(journal.head()):
        wanted = kind == entries.POLICY or kind in entries.STARTS
        if owner != scope or not wanted:
            continue
        for entry in journal.read(scope, seq, 1):
            _learn(found, seq, kind, entries.decode(kind, entry.body))
    if found.history_start_us is None:
        raise Unavailable("scope_not_ready", "this tenant and environment is not set up")
    return found


def _learn(found: KnownImports, seq: int, kind: str, body: Any) -> None:
    if kind == entries.POLICY:
        found.ruleset = body.ruleset
        return
    found.history_start_us = body.history_start_us
    if kind == entries.IMPORT:
        found.begun[seq], found.unfinished = body, seq
    elif kind == entries.IMPORT_END:
        found.unfinished = 0
        if body.done:
            found.done.add(body.begun)
