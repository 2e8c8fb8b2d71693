"""The API process: one state owner that answers HTTP on Starlette.

Guards: the socket opens before the state is rebuilt, so that `/livez` and `/readyz` tell what
happens; every other operation is 503 until the state stands. `create_app` is the factory that the
server calls in its worker; the home folder comes by the environment.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette

import paywarden
from paywarden.aml.alerts.http import AlertOperations
from paywarden.aml.customer_risk.http import CustomerOperations
from paywarden.aml.customer_risk.models_http import RiskModelOperations
from paywarden.decision.drift.http import DriftOperations
from paywarden.decision.http import DecisionOperations
from paywarden.decision.iso20022.http import Iso20022Operations
from paywarden.decision.label_history import LabelHistory
from paywarden.decision.label_holds_http import LabelHoldOperations
from paywarden.decision.links_http import LinkOperations
from paywarden.decision.lists_http import ListOperations
from paywarden.decision.models_http import ModelOperations
from paywarden.decision.policy_http import PolicyOperations
from paywarden.decision.problems import CODES
from paywarden.decision.record_reads import RecordReads
from paywarden.decision.rollout.http import RolloutOperations
from paywarden.decision.screening_http import ListsState, ScreeningOperations
from paywarden.decision.snoozes_http import SnoozeOperations
from paywarden.entrypoints import (
    certificate_commands,
    key_commands,
    people_commands,
    signing_key_commands,
)
from paywarden.entrypoints.backtest_jobs import StartNotes
from paywarden.entrypoints.certificate_commands import CertificateRoom
from paywarden.entrypoints.home import find_home
from paywarden.entrypoints.installation import Installation
from paywarden.entrypoints.key_commands import KeyRoom
from paywarden.entrypoints.limits import rate_gate
from paywarden.entrypoints.local_door import LocalDoor
from paywarden.entrypoints.people_commands import PeopleRoom
from paywarden.entrypoints.people_operations import people_operations
from paywarden.entrypoints.recycling import Recycling, Successor, is_successor, note_of
from paywarden.entrypoints.signing_key_commands import signing_room
from paywarden.entrypoints.start_report import give_up
from paywarden.evidence.http import AuditOperations
from paywarden.identity.access_review.http import ReviewOperations
from paywarden.identity.approvals.http import ApprovalOperations
from paywarden.identity.destination_gate import DestinationGate
from paywarden.identity.recorded_access import RecordedAccess
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.http import app as http_app
from paywarden.kit.http.operation import Operation
from paywarden.kit.http.replays import StoredReplays
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.http.system import Dependency, SystemOperations
from paywarden.kit.log import configure
from paywarden.kit.webhooks.http import WebhookOperations
from paywarden.lab.backtest.http import BacktestOperations
from paywarden.privacy.erasure.http import ErasureOperations
from paywarden.privacy.erasure.reading import Readings


def create_app() -> Starlette | Successor:
    """Application over the home that PAYWARDEN_HOME names; at once, or once the home is free."""
    try:
        home = find_home(None, os.environ)
        home.require()
        settings = home.settings(os.environ)
        configure(level=settings.installation.log_level)

        def make() -> tuple[Starlette, Callable[[], bool]]:
            one = Installation(home, settings, SystemClock(), SystemRandomness())
            return application(one, recycled=True), lambda: one.ready

        return Successor(home, make) if is_successor(home) else make()[0]
    except Exception as fault:  # what this home cannot start with now, it cannot a moment later
        give_up(fault)


def application(installation: Installation, *, recycled: bool = False) -> Starlette:
    """Application over an installation; its lifespan starts and stops it.

    `recycled`: a watcher started this process and replaces it on demand (`recycling`).
    """
    system = SystemOperations(
        paywarden.__version__,
        installation.metrics,
        lambda: dependencies(installation),
        CODES,
    )
    listed = operations(installation, system)
    system.describe(listed)
    surroundings = Surroundings(
        installation.people.authenticator,
        installation.clock,
        installation.randomness,
        installation.metrics,
        StoredReplays(installation.idempotency, installation.writer),
        installation.settings.server.max_in_flight,
        origins=frozenset({installation.settings.identity.origin}),
        on_refused=installation.refusals.note,
        signatures=installation.signatures,
        rates=rate_gate(installation.settings.limits, installation.clock, installation.randomness),
        certificates=installation.certificates,
        recorder=RecordedAccess(
            installation.writer, installation.ledger.stores.audit, installation.clock
        ),
    )

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        door = local_door(installation)
        starting = asyncio.create_task(_start(installation, door))
        minimum = installation.settings.server.recycle_seconds
        tasks = [starting]
        if recycled and minimum:
            recycling = Recycling(
                note_of(installation.home), minimum, installation.metrics.card_numbers_seen,
                surroundings,
            )  # fmt: skip
            tasks.append(asyncio.create_task(recycling.run()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await door.close()
            await installation.stop()

    return http_app.build(listed, surroundings, lifespan)


def operations(installation: Installation, system: SystemOperations) -> list[Operation]:
    """Every operation of the API process."""
    decisions = DecisionOperations(
        installation.payments,
        installation.events,
        installation.payment_reader,
        installation.views,
        installation.policies,
        installation.replays,
        installation.explaining,
        installation.records,
        installation.receipts,
        RecordReads(installation.evidence.watch, installation.sealer),
        installation.metrics,
        installation.refusals.note_item,
    )
    labels = LabelHistory(
        installation.ledger,
        installation.payments,
        installation.payment_reader,
        installation.evidence.watch,
    )
    policies = PolicyOperations(
        installation.policies,
        installation.records,
        installation.ledger,
        installation.compiler,
        installation.approvals,
    )
    proof = installation.evidence
    audit = AuditOperations(proof.log, proof.proofs, proof.audit, proof.watch)
    webhooks = WebhookOperations(
        installation.hook_desk, installation.destinations, DestinationGate(installation.approvals)
    )
    return [
        *decisions.operations(),
        *Iso20022Operations(installation.messages.take_in, decisions).operations(),
        *labels.operations(),
        *LabelHoldOperations(
            installation.ledger,
            installation.holding,
            installation.approvals,
            installation.evidence.watch,
        ).operations(),
        *LinkOperations(installation.ledger, installation.evidence.watch).operations(),
        *policies.operations(),
        *BacktestOperations(
            installation.backtests, installation.records, StartNotes(installation.ledger)
        ).operations(),
        *ListOperations(installation.lists, installation.approvals).operations(),
        *ScreeningOperations(
            installation.ledger,
            installation.aml.verdicts,
            installation.sealer,
            installation.ids,
            lambda: ListsState(
                installation.aml.screening_desk.state, installation.aml.screening_desk.alarms
            ),
        ).operations(),
        *ModelOperations(installation.models, installation.ledger).operations(),
        *DriftOperations(installation.drift.watch).operations(),
        *SnoozeOperations(installation.lists, installation.ledger).operations(),
        *RolloutOperations(
            installation.rollouts,
            installation.emergencies,
            installation.stored_rollouts,
            installation.records,
            installation.approvals,
        ).operations(),
        *ApprovalOperations(installation.approvals).operations(),
        *ReviewOperations(installation.access.reviews, installation.clock.now_us).operations(),
        *ErasureOperations(
            installation.erasures,
            installation.subject_names,
            installation.approvals,
            Readings(installation.writer, installation.audit, installation.clock),
        ).operations(),
        *CustomerOperations(
            installation.customer_risk.customers,
            installation.customer_risk.exposures,
            installation.approvals,
            installation.evidence.watch,
            installation.clock,
        ).operations(),
        *RiskModelOperations(
            installation.customer_risk.customers.models,
            installation.customer_risk.customers.store,
            installation.approvals,
            installation.clock,
        ).operations(),
        *webhooks.operations(),
        *people_operations(installation.people, installation.approvals),
        *AlertOperations(
            installation.aml.alerts, installation.evidence.watch, installation.alert_entity
        ).operations(),
        *audit.operations(),
        *system.operations(),
    ]


def dependencies(installation: Installation) -> Sequence[Dependency]:
    """What the process needs, each with its state."""
    writer = installation.writer.state
    alarms = installation.tables.alarms(installation.clock.now_us())
    found = [
        Dependency("writer", writer, writer == "open"),
        Dependency("state", "ready" if installation.ready else "rebuilding", installation.ready),
        Dependency("tables", "old" if alarms else "fresh", True),
        Dependency("screening", installation.aml.screening_desk.state, True),
    ]
    for scope, state in installation.ledger.states.items():
        name = f"policy:{scope.environment.value}"
        decides = state.ruleset is not None  # which one is told to nobody without a key
        found.append(Dependency(name, "published" if decides else "none", decides))
    return found


def local_door(installation: Installation) -> LocalDoor:
    """The door for commands of this machine, once it is opened."""
    tenant = installation.settings.installation.tenant
    keys = KeyRoom(installation.key_desk, installation.approvals, tenant, installation.clock)
    people = PeopleRoom(installation.people, installation.approvals)
    signing = signing_room(
        installation.reader, installation.writer, installation.audit, installation.keys.master,
        tenant, installation.clock, installation.randomness,
    )  # fmt: skip
    certificates = CertificateRoom(
        installation.bindings, installation.writer, installation.audit, tenant, installation.clock
    )
    commands = {
        key_commands.COMMAND: keys.run,
        people_commands.COMMAND: people.run,
        signing_key_commands.COMMAND: signing.run,
        certificate_commands.COMMAND: certificates.run,
    }
    return LocalDoor(installation.home.local_door, commands)


async def _start(installation: Installation, door: LocalDoor) -> None:
    try:
        await installation.start()
        await door.open()
    except Exception as fault:
        # A process that cannot read its log must not pretend to live: the supervisor sees it end.
        give_up(fault)
