"""What an installation holds of the second engine, wired: lists, verdicts, alerts, flows.

Order: verdicts, the stage that screens payments, the desk of lists in force, alerts, and what works
beside payments: known parties against changed lists, and the process that follows flows. Customer
risk has its own wiring (`customer_risk.py`), since it reads payments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from paywarden.aml.alerts.desk import AlertDesk
from paywarden.aml.alerts.stores.sqlite import SqliteAlerts
from paywarden.aml.customer_risk.alerted import Alerted
from paywarden.aml.screening.verdicts.desk import VerdictDesk
from paywarden.aml.screening.verdicts.stores.sqlite import SqliteVerdicts
from paywarden.aml.screening.verdicts.stores.sqlite_positions import SqlitePositions
from paywarden.core.clock import Clock, Randomness
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.ledger import Ledger
from paywarden.decision.screening_lists import ScreeningSwitch
from paywarden.decision.screening_stage import ScreeningStage
from paywarden.decision.sealing import Sealer
from paywarden.entrypoints.flow_watch import FlowWatch
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.rescreening import Parts, Rescreening
from paywarden.entrypoints.screening_desk import ScreeningDesk
from paywarden.entrypoints.settings import Settings
from paywarden.kit.db.reader import Reader
from paywarden.kit.metrics import Metrics

EntityId = Callable[[Scope, str, str], str]


@dataclass(frozen=True, slots=True)
class Aml:
    """The second engine of one installation."""

    verdicts: VerdictDesk
    screening: ScreeningStage
    screening_desk: ScreeningDesk
    alerts: SqliteAlerts
    alert_desk: AlertDesk
    alerted: Alerted
    rescreening: Rescreening
    flows: FlowWatch

    async def prepare(self) -> None:
        """Read what people judged, and open the lists in force, before the state is rebuilt."""
        await asyncio.to_thread(self.verdicts.load)
        await self.screening_desk.prepare()

    async def close(self) -> None:
        """End the processes of lists."""
        await self.rescreening.close()
        await self.screening_desk.close()


def aml_parts(
    home: Home, settings: Settings, ledger: Ledger, reader: Reader, sealer: Sealer,
    ids: DecisionIds, parties: Secret[bytes], entity_id: EntityId, metrics: Metrics,
    clock: Clock, randomness: Randomness,
) -> Aml:  # fmt: skip
    """Wire them. `parties`: key by which parties are named in what is remembered of them."""
    writer, audit = ledger.stores.writer, ledger.stores.audit
    verdicts = VerdictDesk(SqliteVerdicts(reader), parties, writer, audit, clock, randomness)
    screening = ScreeningStage(ledger, parties, verdicts, clock, metrics)
    desk = ScreeningDesk(home, screening, ScreeningSwitch(ledger, screening), clock, metrics)
    alerts = SqliteAlerts(reader)
    alert_desk = AlertDesk(alerts, writer, clock, metrics)
    known = Parts(ledger, sealer, ids, SqlitePositions(reader), alert_desk, verdicts)
    flows = FlowWatch(
        home.database, home.flows, home.typologies, alert_desk, ids, metrics, settings.monitoring
    )
    return Aml(
        verdicts, screening, desk, alerts, alert_desk, Alerted(alerts, entity_id),
        Rescreening(desk, known), flows,
    )  # fmt: skip
