"""What re-screening finds: alerts and the place that it came to, in one commit.

Guards: a page that is done again after a crash raises nothing twice, since an alert is named by
entity, entry and the switch of lists that it follows from; hits that a person set aside raise
nothing while the entry reads as it did then. Blocking: for threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from paywarden.aml.alerts.model import Alert
from paywarden.aml.alerts.ports import AlertJoining
from paywarden.aml.screening.serving.messages import HIT_AT, Found
from paywarden.core.scope import Scope
from paywarden.decision.known_parties import KnownParty
from paywarden.decision.screening_alerts import Digest, found_again
from paywarden.decision.screening_stage import Verdicts
from paywarden.decision.state import Standing
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer


class Positions(Protocol):
    """How far re-screening is."""

    def position(self, scope: Scope, change: str) -> str:
        """Id of the last party done; empty at the start."""
        ...

    def move(
        self, unit: UnitOfWork, scope: Scope, change: str, position: str, parties: int, hits: int
    ) -> None:
        """Go on to a later position with the unit."""
        ...


@dataclass(frozen=True, slots=True)
class PartyHit:
    """A known party and an entry that it may be."""

    party: KnownParty
    found: Found


@dataclass(frozen=True, slots=True)
class PartyFindings:
    """`Findings` of one scope over the alerts of the house."""

    scope: Scope
    standing: Standing
    positions: Positions
    alerts: AlertJoining
    verdicts: Verdicts
    writer: Writer
    digest: Digest
    name_of: Callable[[Scope, int], str]

    def position(self, change_id: str) -> str:
        """Id of the last party done for a change; empty at the start."""
        return self.positions.position(self.scope, change_id)

    def commit(self, change_id: str, hits: Sequence[tuple[str, Any]], position: str) -> None:
        """Keep alerts and the position together. Errors: LimitExceeded, Unavailable."""
        alerts = self._alerts([hit for _id, hit in hits])
        unit = UnitOfWork()
        self.alerts.join(unit, self.scope, alerts)
        self.positions.move(unit, self.scope, change_id, position, 0, len(alerts))
        self.writer.submit(unit).result()
        if alerts:
            self.alerts.count(self.scope, alerts)

    def entries_removed(self, change_id: str, entry_ids: Sequence[str]) -> None:
        """Nothing rests on an entry but alerts, which stay: they were right on their day."""

    def _alerts(self, hits: Sequence[PartyHit]) -> list[Alert]:
        made: dict[str, Alert] = {}
        for hit in hits:
            word, _verdict, _key = self.verdicts.word(self.scope, hit.party.asked, hit.found)
            if word == "different" or hit.found.score < HIT_AT:
                continue
            alert = found_again(
                hit.party.role, hit.found, hit.party.fields, hit.party.payment_id,
                self.name_of(self.scope, hit.party.seq), hit.party.at_us, self.standing.seq,
                self.standing.lists, self.digest,
            )  # fmt: skip
            made.setdefault(alert.id, alert)
        return list(made.values())
