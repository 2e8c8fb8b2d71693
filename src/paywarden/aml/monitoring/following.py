"""Transfers of one tenant and environment followed as they come, and the alerts that they raise.

Guards: what comes out follows from what came in alone, so work done again after a crash raises the
same alerts with the same ids. Order: late transfers are put in their place first (`ordering`), then
the engine sees each once. Delay of an alert: the lateness bound, 15 minutes, and what the caller
takes to look again. Not done here: reading a log, keeping alerts, keeping the position.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from paywarden.aml.alerts.model import Alert, Entity, Reason
from paywarden.aml.monitoring.engine import FlowAlert, FlowEngine
from paywarden.aml.monitoring.ordering import LATENESS_US, Ordering
from paywarden.aml.monitoring.transfers import Transfer
from paywarden.risk.rules.typology_model import Typology

ENTITY: Final = "account"
Position = tuple[int, int]
"""`at_us` and `sequence` of the last transfer whose alerts are kept."""
BEGINNING: Position = (-1, -1)


@dataclass(frozen=True, slots=True)
class Judged:
    """Alerts in order, and the position behind the last transfer that was looked at."""

    alerts: tuple[Alert, ...]
    position: Position


class Following:
    """One engine behind one ordering. `version` names the typologies by their content."""

    def __init__(
        self,
        typologies: Sequence[Typology],
        *,
        lateness_us: int = LATENESS_US,
        position: Position = BEGINNING,
        minor_digits: int = 2,
    ) -> None:
        self.engine = FlowEngine(typologies)
        self.ordering = Ordering(lateness_us)
        self.position = position
        self.version = version_of(typologies)
        self._minor_digits = minor_digits

    def add(self, transfer: Transfer) -> None:
        """Take one transfer from the log, in the order of its sequence."""
        self.ordering.add(transfer)

    def judge(self, clock_us: int) -> Judged:
        """Look at all that nothing can come before any more, given that no transfer to come is
        earlier than `clock_us` less the lateness; alerts up to the position are not told again."""
        return self._judge(list(self.ordering.release(clock_us)))

    def finish(self) -> Judged:
        """Look at all that waits: at the end of a file."""
        return self._judge(list(self.ordering.drain()))

    def _judge(self, transfers: list[Transfer]) -> Judged:
        if not transfers:
            return Judged((), self.position)
        found = self.engine.take(self.engine.numbers.batch(transfers))
        references = {one.sequence: one.reference for one in transfers}
        alerts = tuple(
            self._told(one, references[one.sequence])
            for one in found
            if (one.at_us, one.sequence) > self.position
        )
        self.position = max(self.position, transfers[-1].order)
        return Judged(alerts, self.position)

    def _told(self, one: FlowAlert, reference: str) -> Alert:
        program = self.engine.program(one.typology)
        return Alert(
            kind="typology",
            entity=Entity(ENTITY, one.account),
            subject=one.typology.id,
            score=one.score,
            threshold=one.typology.alert,
            at_us=one.at_us,
            sequence=one.sequence,
            reasons=tuple(
                Reason(name, program.weights[name],
                       program.says(name, one.values, self._minor_digits))
                for name in one.held
            ),
            payments=(reference,) if reference else (),
            others=tuple(Entity(ENTITY, other) for other in one.others),
            versions=(("typologies", self.version),),
            quiet_days=one.typology.quiet_days,
        )  # fmt: skip


def version_of(typologies: Iterable[Typology]) -> str:
    """Names typologies by their content: 16 hex digits."""
    return hashlib.sha256("\n".join(repr(one) for one in typologies).encode()).hexdigest()[:16]
