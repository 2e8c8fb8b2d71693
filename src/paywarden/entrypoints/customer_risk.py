"""Customer risk, wired: customers, models, exposure, rounds and metrics of one installation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import Gauge

from paywarden.aml.alerts.ports import Alerts
from paywarden.aml.customer_risk.acts import CustomerRiskActs
from paywarden.aml.customer_risk.customers import Customers
from paywarden.aml.customer_risk.exposures import Exposures
from paywarden.aml.customer_risk.gathering import Gathering
from paywarden.aml.customer_risk.keeping import Keeper
from paywarden.aml.customer_risk.model import Level
from paywarden.aml.customer_risk.model_desk import ModelDesk
from paywarden.aml.customer_risk.ports import AlertFigures
from paywarden.aml.customer_risk.rounds import Rounds
from paywarden.aml.customer_risk.stores.sqlite_customers import SqliteCustomers
from paywarden.aml.customer_risk.writing import Writing
from paywarden.core.clock import Clock
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.decision.customer_ratings import CustomerRatings
from paywarden.decision.ledger import Ledger
from paywarden.identity.approvals.service import Approvals
from paywarden.kit.audit import AuditLog
from paywarden.kit.crypto.ports import SubjectKeys
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.metrics import Metrics

ROUND_SECONDS: Final = 5.0


class CustomerRiskMetrics:
    """Customers by level and who waits, of a scope."""

    def __init__(self, metrics: Metrics) -> None:
        registry = metrics.registry
        self._customers = Gauge(
            "paywarden_customers", "Customers by risk level", ("environment", "level"),
            registry=registry,
        )  # fmt: skip
        self._waiting = Gauge(
            "paywarden_customers_waiting",
            "Customers whose review is overdue, high ones without diligence, overridden ones",
            ("environment", "what"), registry=registry,
        )  # fmt: skip
        self._stale = Gauge(
            "paywarden_risk_model_stale_tables", "Tables of the risk model that are old",
            ("environment",), registry=registry,
        )  # fmt: skip

    def show(self, scope: Scope, customers: Customers, now_us: int) -> None:
        """Take over the figures of a scope."""
        environment, counts = scope.environment.value, customers.store.counts(scope, now_us)
        for level in Level:
            count = counts.by_level.get(int(level), 0)
            self._customers.labels(environment, level.word).set(count)
        for what, count in (
            ("review", counts.overdue), ("diligence", counts.undone_high),
            ("override", counts.overridden),
        ):  # fmt: skip
            self._waiting.labels(environment, what).set(count)
        self._stale.labels(environment).set(len(customers.models.stale(scope)))


@dataclass(frozen=True, slots=True)
class CustomerRisk:
    """What an installation holds of customer risk."""

    customers: Customers
    rounds: Rounds
    exposures: Exposures
    measured: CustomerRiskMetrics
    ledger: Ledger

    def load(self) -> None:
        """Let decisions read what is stored; after every rebuild of the state."""
        for scope in list(self.ledger.states):
            self.customers.load(scope)

    async def look(self) -> None:
        """Assess whoever is due, raise what is owed, show figures."""
        now = self.ledger.clock.now_us()
        for scope in list(self.ledger.states):
            await self.rounds.look(scope)
            self.measured.show(scope, self.customers, now)


def customer_risk_parts(
    ledger: Ledger, reader: Reader, writer: Writer, keys: SubjectKeys, digest_key: Secret[bytes],
    identifier: Callable[[str], str], audit: AuditLog, clock: Clock, metrics: Metrics,
    approvals: Approvals, alerts: Alerts | None, figures: AlertFigures | None,
) -> CustomerRisk:  # fmt: skip
    """Wire the room, and tell approvals who carries its acts out."""
    store, ratings = SqliteCustomers(reader), CustomerRatings(ledger, identifier)
    models = ModelDesk(store, ratings, writer, audit, clock)
    writing = Writing(
        store, Keeper(keys, digest_key), ratings, models, Gathering(ratings, figures), audit, clock
    )
    customers = Customers(writing)
    CustomerRiskActs(customers).register(approvals)
    exposures = Exposures(models, ratings)
    rounds = Rounds(writing, alerts, figures)
    return CustomerRisk(customers, rounds, exposures, CustomerRiskMetrics(metrics), ledger)
