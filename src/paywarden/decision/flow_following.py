"""The log followed for money laundering: entries in, alerts with their decisions out.

Guards: one `Following` per scope, fed in the order of the log; the position of each scope says up
to where alerts were kept, and everything before is read again without telling it again. The clock
of a scope is its own decision clock, or the wall clock once the end of the log was seen: no payment
to come can be earlier than either, less the lateness bound (docs/explanation/windows.md, "Late
events"). Not done here: processes, keeping alerts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from paywarden.aml.alerts.model import Alert
from paywarden.aml.monitoring.following import BEGINNING, Following, Position
from paywarden.aml.monitoring.ordering import LATENESS_US
from paywarden.core.scope import Scope
from paywarden.decision.flow_log import Told, told_by
from paywarden.kit.journal.ports import Journal
from paywarden.risk.rules.typology_model import Typology

ENTRIES_AT_ONCE = 2_000
"""Entries of one look: alerts of a burst are told in parts."""


@dataclass(frozen=True, slots=True)
class FlowReport:
    """What one look at a scope came to. `delay_us`: how long the oldest transfer waits."""

    scope: Scope
    alerts: tuple[Alert, ...]
    position: Position
    delay_us: int
    waiting: int
    late: int
    unpriced: int
    bounded: Mapping[str, int]
    memory: Mapping[str, int]


class FlowFollowing:
    """Reads the log from its beginning and goes on from where it was."""

    def __init__(
        self,
        journal: Journal,
        typologies: Sequence[Typology],
        positions: Mapping[Scope, Position],
        lateness_us: int = LATENESS_US,
        minor_digits: int = 2,
    ) -> None:
        self._journal = journal
        self._typologies = typologies
        self._positions = positions
        self._lateness_us = lateness_us
        self._minor_digits = minor_digits
        self._scopes: dict[Scope, Following] = {}
        self._clocks: dict[Scope, int] = {}
        self._unpriced: dict[Scope, int] = {}
        self._next_seq = 1

    def look(self, now_us: int) -> Iterator[FlowReport]:
        """Take the next entries of the log; a report for each scope that was followed.

        `now_us`: read before the call. True is `behind` while the end of the log was not seen.
        """
        count = 0
        for entry in self._journal.read(None, self._next_seq, ENTRIES_AT_ONCE):
            self._take(entry.scope, told_by(entry))
            self._next_seq = entry.seq + 1
            count += 1
        self.behind = count == ENTRIES_AT_ONCE
        for scope, following in self._scopes.items():
            clock_us = self._clocks[scope] if self.behind else max(self._clocks[scope], now_us)
            judged = following.judge(clock_us)
            oldest_us = following.ordering.oldest_us
            yield FlowReport(
                scope,
                judged.alerts,
                judged.position,
                0 if oldest_us is None else max(0, now_us - oldest_us),
                len(following.ordering),
                following.ordering.late,
                self._unpriced[scope],
                following.engine.bounded,
                following.engine.memory(),
            )

    behind = True
    """Whether more entries were there than one look takes."""

    def _take(self, scope: Scope, told: Told) -> None:
        if told.clock_us is None:
            return
        following = self._scopes.get(scope)
        if following is None:
            following = self._scopes[scope] = Following(
                self._typologies,
                lateness_us=self._lateness_us,
                position=self._positions.get(scope, BEGINNING),
                minor_digits=self._minor_digits,
            )
            self._clocks[scope] = self._unpriced[scope] = 0
        self._clocks[scope] = max(self._clocks[scope], told.clock_us)
        self._unpriced[scope] += told.unpriced
        if told.transfer is not None:
            following.add(told.transfer)
