"""One installation, wired: databases, keys, ledger, services. The only place that knows them all.

Order of start: schema, key database, writer, state from the log, segment keeper. Order of stop: no
new acts, writer, keeper, readers. `recover` runs when a commit failed: it reopens the writer and
rebuilds every state from the log, again and again with growing pauses, while requests get 503.
"""

from __future__ import annotations

import asyncio
import gc
import hashlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from paywarden.aml.alerts.stores.sqlite import SCHEMA as AML_ALERTS
from paywarden.aml.customer_risk.stores.sqlite_customers import SCHEMA as CUSTOMER_RISK
from paywarden.aml.monitoring.payment_alerts import named_entity
from paywarden.aml.screening.verdicts.stores.sqlite import SCHEMA as VERDICTS
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import NotFound, PaywardenError, Unavailable
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.decision import entries
from paywarden.decision.approved_acts import ApprovedActs
from paywarden.decision.automatic_entries import AutomaticEntries
from paywarden.decision.card_facts import KnownFacts
from paywarden.decision.checkpoints import Checkpoints
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.drift.desk import DriftDesk
from paywarden.decision.drift.watch import DriftWatch
from paywarden.decision.entries import TrialEntry
from paywarden.decision.events import Events
from paywarden.decision.explaining import Explaining
from paywarden.decision.history import History
from paywarden.decision.intake import PaymentReader
from paywarden.decision.iso20022.reading_process import ReadingProcess
from paywarden.decision.keeper import SegmentKeeper
from paywarden.decision.label_holding import LabelHolding
from paywarden.decision.label_taking import LabelTaking
from paywarden.decision.label_watch import LabelWatch
from paywarden.decision.ledger import Ledger, Stores
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.payments import Payments
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.decision.receipts import Receipts
from paywarden.decision.replay_desk import ReplayDesk
from paywarden.decision.rollout.acts import RolloutActs
from paywarden.decision.rollout.desk import RolloutDesk
from paywarden.decision.rollout.emergency import Emergencies
from paywarden.decision.sealing import Sealer
from paywarden.decision.start import Foundations, rebuild, standing_trial
from paywarden.decision.stores.image_files import ImageFiles
from paywarden.decision.stores.model_files import ModelFiles
from paywarden.decision.stores.sqlite import SCHEMA as DECISION_SCHEMA
from paywarden.decision.stores.sqlite import SqliteRecords
from paywarden.decision.stores.sqlite_rollouts import SqliteRollouts
from paywarden.decision.subject_names import SubjectNames
from paywarden.decision.trial_desk import TrialDesk
from paywarden.decision.views import Views
from paywarden.decision.watched import WATCHED
from paywarden.entrypoints.access_wiring import access_parts
from paywarden.entrypoints.aml_wiring import aml_parts
from paywarden.entrypoints.approvals_wiring import wired
from paywarden.entrypoints.backtest_jobs import runner_of
from paywarden.entrypoints.checkpoint_schedule import CheckpointSchedule
from paywarden.entrypoints.compiling import Compiler
from paywarden.entrypoints.customer_risk import ROUND_SECONDS as CUSTOMER_SECONDS
from paywarden.entrypoints.customer_risk import customer_risk_parts
from paywarden.entrypoints.evidence import evidence_parts
from paywarden.entrypoints.facts_keys import FactsKeyFile
from paywarden.entrypoints.home import Home, private_write
from paywarden.entrypoints.housekeeping import Round, forget_answers, forget_messages, go_round
from paywarden.entrypoints.people_wiring import People
from paywarden.entrypoints.settings import Settings
from paywarden.entrypoints.tables import derivers
from paywarden.entrypoints.warming import share_interpreter, warm_up
from paywarden.entrypoints.webhooks import webhook_parts
from paywarden.evidence.screen import may_not_be_logged
from paywarden.evidence.stores.sqlite_checkpoints import SCHEMA as EVIDENCE_SCHEMA
from paywarden.identity import card_acts
from paywarden.identity.access_review.ports import HeldKeys
from paywarden.identity.access_review.stores.sqlite import SCHEMA as ACCESS_REVIEWS
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.approvals.catalogue import WEBHOOK_DESTINATION
from paywarden.identity.approvals.stores.sqlite import SCHEMA as APPROVALS
from paywarden.identity.certificate_bindings import CertificateCheck
from paywarden.identity.client_key_registry import ClientKeyRegistry
from paywarden.identity.client_keys import KeySealer
from paywarden.identity.inactivity import Inactivity
from paywarden.identity.key_acts import KeyActs
from paywarden.identity.key_desk import KeyDesk
from paywarden.identity.person_acts import PersonActs
from paywarden.identity.stores.client_keys import CLIENT_KEYS, SqliteClientKeys, SqliteNonces
from paywarden.identity.stores.sqlite import SCHEMA as IDENTITY_SCHEMA
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.identity.stores.sqlite_certificates import CERTIFICATES, SqliteBindings
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.audit_personal import PersonalDetails
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.writer import Writer
from paywarden.kit.http.refusals import Refusals
from paywarden.kit.http.signing.guard import GuardedSignatures
from paywarden.kit.http.signing.nonces import Nonces
from paywarden.kit.idempotency import Idempotency
from paywarden.kit.log import logger
from paywarden.kit.metrics import Metrics
from paywarden.kit.outbox import Outbox
from paywarden.kit.program import program_digest
from paywarden.kit.stores.sqlite_journal import SqliteJournal
from paywarden.kit.stores.sqlite_subject_keys import SUBJECT_KEYS, SqliteWrappedKeys
from paywarden.kit.stores.sqlite_webhook_endpoints import WEBHOOK_ENDPOINTS
from paywarden.kit.tls.client_certificates import ClientCertificates
from paywarden.kit.webhooks.desk import Desk
from paywarden.kit.webhooks.destinations import Destinations
from paywarden.lab.backtest.jobs import BacktestJobs
from paywarden.privacy.erasure.service import Erasures
from paywarden.privacy.erasure.stores.sqlite import SCHEMA as ERASURES
from paywarden.privacy.erasure.stores.sqlite import SqliteErasures
from paywarden.reference.card_numbers import looks_like_card_number
from paywarden.reference.currencies import active_currency
from paywarden.risk.features.digests import Digester
from paywarden.risk.labels.rate import RateLimits
from paywarden.risk.lists.model import ListKind
from paywarden.risk.lists.store import Lists

PARTS = (
    KIT, DECISION_SCHEMA, EVIDENCE_SCHEMA, IDENTITY_SCHEMA, CLIENT_KEYS, WEBHOOK_ENDPOINTS,
    CERTIFICATES, APPROVALS, ACCESS_REVIEWS, ERASURES, AML_ALERTS, CUSTOMER_RISK, VERDICTS,
)  # fmt: skip
KEY_PARTS = (SUBJECT_KEYS,)
FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 5.0
ROUND_SECONDS = 60.0
BULK_DIGESTS = 250_000
"""Texts at hand in each of two generations while a history is read, some 0.2 kB each."""
ROLLOUT_SECONDS = 1.0
SCREENING_SECONDS = 2.0
RESCREENING_SECONDS = 5.0
_ENGINE_KEYS = ("decision-ids", "bodies", "identifiers", "lists", "windows")


@dataclass(slots=True)
class Keys:
    """Keys derived from the master key, one per purpose."""

    master: Secret[bytes]
    digests: Secret[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.digests = derive(self.master, Purpose.DIGESTS)

    def sub(self, name: str, size: int = 32) -> Secret[bytes]:
        """A key of its own for one use of digests."""
        keyed = hashlib.blake2b(name.encode(), key=self.digests.expose(), digest_size=size)
        return Secret(keyed.digest())


@dataclass(frozen=True, slots=True)
class Published:
    """What decides in a scope, since when its log is complete, and what is tried beside it."""

    decider: Decider
    history_start_us: int
    tried: Decider | None


class Installation:
    """Everything of one process that decides, over one home folder."""

    def __init__(
        self, home: Home, settings: Settings, clock: Clock, randomness: Randomness
    ) -> None:
        home.require()
        self.home = home
        self.settings = settings
        self.clock = clock
        self.randomness = randomness
        self.metrics = Metrics()
        self.keys = Keys(load_master_key(home.master_key))
        self._check_master_key()
        self._list_keys = KeyedDigest(self.keys.sub("lists"))
        self._identifier_key = self.keys.sub("identifiers")
        self.reader = Reader(home.database)
        self.journal = SqliteJournal(self.reader)
        self.wrapped_keys = SqliteWrappedKeys(home.subject_keys)
        self.key_ring = SubjectKeyRing(self.keys.master, self.wrapped_keys, randomness)
        personal = PersonalDetails(self.key_ring, randomness)
        self.audit = SqliteAuditLog(self.reader, personal, may_not_be_logged)
        participants = (self.key_ring, self.journal, self.audit)
        self.writer = Writer(home.database, PARTS, participants)
        self.records = SqliteRecords(self.reader)
        stores = Stores(self.journal, self.writer, self.records, self.audit)
        self.ledger = Ledger(stores, self.keys.sub("bodies"), clock, self.metrics)
        self.history = History(self.journal, home.segments)
        self.checkpoints = Checkpoints(
            home.checkpoints, derive(self.keys.master, Purpose.CHECKPOINTS), self.journal.mark
        )
        self.sealer = Sealer(self.key_ring)
        self.ids = DecisionIds(self.keys.sub("decision-ids"))
        images = derive(self.keys.master, Purpose.COMPILED_POLICIES)
        self.compiler = Compiler(ImageFiles(home.images, images, program_digest()))
        self.messages = ReadingProcess()
        self.lists = ListDesk(self.ledger)
        self.models = ModelFiles(home.models, home.model_trust)
        self.policies = PolicyDesk(
            self.ledger, self.history, self.lists, self.compiler, self.models
        )
        make_deriver = self.derivers = derivers(settings.tables, home.root)
        self.tables = make_deriver("").tables
        self.aml = aml_parts(
            home, settings, self.ledger, self.reader, self.sealer, self.ids,
            self.keys.sub("screening-parties"), self.alert_entity, self.metrics, clock, randomness,
        )  # fmt: skip
        watch = DriftWatch(randomness)
        self.drift = DriftDesk(watch, self.ledger, self.metrics)
        self.payments = Payments(
            self.ledger, make_deriver, self.sealer, self.ids, self.tables.version(),
            AutomaticEntries(self.lists, self.metrics), watch, self.aml.screening,
            self.aml.alert_desk,
        )  # fmt: skip
        self.payment_reader = PaymentReader(
            self.hash_identifier,
            active_currency,
            KnownFacts(FactsKeyFile(home.root / settings.card_environment.facts_keys)),
        )
        bulk = settings.labels
        limits = RateLimits(bulk.hourly_floor, bulk.usual_factor, bulk.payments_share)
        self.label_watch = LabelWatch(self.audit, self.metrics, limits, bulk.on_flood)
        taking = LabelTaking(self.ledger, self.payments, self.sealer, self.label_watch)
        self.holding = LabelHolding(self.ledger, self.sealer, taking)
        self.events = Events(
            self.ledger, self.payments, self.payment_reader, self.sealer, self.label_watch,
            taking, self.holding,
        )  # fmt: skip
        self.evidence = evidence_parts(
            home, settings.audit, self.scopes[1], self.audit, self.reader, self.writer, clock,
            randomness, self.metrics,
        )  # fmt: skip
        log, proofs = self.evidence.log, self.evidence.proofs
        self.receipts = Receipts(self.ids, self.records, log, proofs)
        self.views = Views(self.ids, self.sealer, self.receipts, self.ledger.read)
        self.explaining = Explaining(self.policies, self.sealer)
        self.replays = ReplayDesk(
            self.ledger, self.history, self.policies, self.sealer, self.fresh_lists
        )
        self.api_keys = SqliteKeys(self.reader, self.writer)
        self.pepper = derive(self.keys.master, Purpose.API_KEYS)
        authenticator = ApiKeyAuthenticator(self.api_keys, self.pepper, clock)
        self.people = People(
            settings, home.root, self.reader, self.writer, self.audit, self.key_ring,
            self.keys.master, authenticator, clock, randomness,
        )  # fmt: skip
        self.nonces = Nonces(SqliteNonces(self.reader), self.writer.board, clock)
        self.refusals = Refusals(self.audit, self.writer, clock, self.scopes[1], WATCHED)
        self.client_keys = SqliteClientKeys(self.reader, self.writer)
        self.bindings = SqliteBindings(self.reader)
        registry = ClientKeyRegistry(
            self.client_keys,
            KeySealer(self.keys.master, randomness),
            clock,
        )
        self.signatures = GuardedSignatures(registry, self.nonces, self.metrics)
        self.certificates = CertificateCheck(
            ClientCertificates(believed=bool(settings.server.socket)),
            self.bindings,
            clock,
        )
        self.approvals = wired(
            settings, self.people.roster, self.reader, self.writer, self.audit,
            self.keys.master, clock, randomness, self.people.codes,
        )  # fmt: skip
        trials = TrialDesk(self.policies, self.ledger)
        self.stored_rollouts = SqliteRollouts(self.reader)
        self.rollouts = RolloutDesk(trials, self.stored_rollouts, self.ledger, randomness)
        self.emergencies = Emergencies(self.policies, trials, self.rollouts, self.records)
        ApprovedActs(self.policies, self.lists, self.holding).register(self.approvals)
        RolloutActs(self.rollouts).register(self.approvals)
        self.key_desk = KeyDesk(
            self.api_keys, self.writer, self.audit, self.pepper, self.people.owners, clock,
            randomness, authenticator.forget,
        )  # fmt: skip
        KeyActs(self.key_desk).register(self.approvals)
        card_acts.register(self.approvals)
        self.idempotency = Idempotency(
            self.reader, KeyedDigest(derive(self.keys.master, Purpose.IDEMPOTENCY)), clock
        )
        self.webhooks = webhook_parts(
            home, settings.webhooks, self.keys.master, self.reader, randomness
        )
        hooks = self.webhooks
        self.hook_desk = Desk(
            hooks.endpoints, hooks.deliveries, hooks.catalogue, self.writer, self.audit, clock,
            randomness,
        )  # fmt: skip
        self.destinations = Destinations(self.hook_desk, hooks.allowed, hooks.box)
        self.approvals.register(
            WEBHOOK_DESTINATION, self.destinations.carry_out, self.destinations.prepared
        )
        PersonActs(self.people.directory, self.people.origin).register(self.approvals)
        self.backtests = BacktestJobs(runner_of(home.root), clock, randomness)
        self.access = access_parts(
            self.people,
            HeldKeys(self.api_keys, self.client_keys, self.bindings, self.people.owners),
            self.approvals, self.reader, self.writer, self.audit, clock, randomness, self.metrics,
        )  # fmt: skip
        self.subject_names = SubjectNames(
            self.ledger, self.payments, self.payment_reader.identifier
        )
        self.erasures = Erasures(
            self.key_ring, SqliteErasures(self.reader), self.writer, self.audit, clock,
            self._forget_people,
        )  # fmt: skip
        self.erasures.register(self.approvals)
        self.customer_risk = customer_risk_parts(
            self.ledger, self.reader, self.writer, self.key_ring, self.keys.sub("customer-facts"),
            self.payment_reader.identifier, self.audit, clock, self.metrics, self.approvals,
            self.aml.alert_desk, self.aml.alerted,
        )  # fmt: skip
        self.inactivity = Inactivity(
            self.people.records, self.people.directory, self.api_keys, self.writer, clock,
            self.scopes, self.metrics,
        )  # fmt: skip
        self.keeper = SegmentKeeper(self.history.folder_of)
        self.schedule = CheckpointSchedule(
            lambda: self.ledger.states,
            self.history,
            self.checkpoints,
            settings.checkpoints.every_payments,
            self.metrics,
        )
        self.ready = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.ledger.on_staged = self.policies.observed
        self.ledger.on_committed = self.keeper.add
        self.ledger.on_failed = self._start_recovery

    def _check_master_key(self) -> None:
        """Refuse a master key that the data does not belong to: digests would no longer meet."""
        value = self.keys.sub("check", 16).expose().hex()
        if not self.home.key_check.exists():
            private_write(self.home.key_check, value + "\n")
        elif self.home.key_check.read_text(encoding="utf-8").strip() != value:
            raise Unavailable(
                "master_key_differs",
                "keys/master.key is not the key of this home's data; restore the right one",
            )

    @property
    def scopes(self) -> tuple[Scope, Scope]:
        """Test and live of this installation's tenant."""
        tenant = self.settings.installation.tenant
        return Scope(tenant, Environment.TEST), Scope(tenant, Environment.LIVE)

    # --- life -------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open everything and rebuild the state; returns when payments can be decided."""
        self.ledger.failed = True
        share_interpreter()
        self.writer.start()
        await self.erasures.carry_out_again()
        await asyncio.to_thread(self.nonces.load)
        self.keeper.start()
        await self.evidence.integrator.start()
        if self.evidence.submission is not None:
            self._keep(self.evidence.submission.run())
        await self.aml.prepare()
        await self._rebuild()
        await self.aml.screening_desk.look()
        self._keep(self.schedule.run())
        self._keep(self.aml.flows.run())
        await asyncio.to_thread(self.rollouts.load)
        for one in self.rounds:
            self._keep(go_round(one, lambda: not self.ledger.failed))

    @property
    def rounds(self) -> tuple[Round, ...]:
        """What is done again and again beside payments."""
        outbox = Outbox(self.reader)

        async def sweep() -> None:
            await forget_messages(outbox, self.writer, self.clock)
            await forget_answers(self.idempotency, self.writer)

        async def flush() -> None:
            self.refusals.flush()

        async def expire() -> None:
            for scope in list(self.ledger.states):
                await self.approvals.expire_due(scope)

        return (
            Round("rollouts", ROLLOUT_SECONDS, self.rollouts.tick),
            Round("refusals", ROUND_SECONDS, flush),
            Round("sweeping", ROUND_SECONDS, sweep),
            Round("access_reviews", ROUND_SECONDS, self.access.look),
            Round("inactivity", ROUND_SECONDS, self.inactivity.look),
            Round("erasures", ROUND_SECONDS, self.erasures.finish),
            Round("approvals", ROUND_SECONDS, expire),
            Round("held_labels", ROUND_SECONDS, self.holding.resume),
            Round("drift", ROUND_SECONDS, self.drift.look),
            Round("rescreening", RESCREENING_SECONDS, self.aml.rescreening.look),
            Round("customer_risk", CUSTOMER_SECONDS, self.customer_risk.look),
            Round("screening_lists", SCREENING_SECONDS, self.aml.screening_desk.look),
        )

    def _forget_people(self, scope: Scope) -> None:
        """Drop what is at hand of the people of a scope, after one of them was erased."""
        self.backtests.forget(scope)
        state = self.ledger.states.get(scope)
        if state is not None:
            self.payments.forget_texts(state)

    def _restore(self) -> int:
        """States from the log, and the keeper's open segments too; the head."""
        self.keeper.restart()
        head = rebuild(self.ledger, self.foundations())
        self.customer_risk.load()
        return head

    async def stop(self) -> None:
        """Finish what is staged, then close everything."""
        self.ready = False
        await self.ledger.settle()
        self.ledger.failed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.refusals.flush(last=True)
        await self.aml.close()
        await self.backtests.close()
        await self.evidence.integrator.stop()
        await self.compiler.close()
        await self.messages.close()
        await self.people.close()
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.writer.close()
        self.keeper.close()
        self.wrapped_keys.close()
        self.reader.close()

    async def _rebuild(self) -> None:
        await asyncio.to_thread(warm_up)
        await self._compile_published()
        head = await asyncio.to_thread(self._restore)
        self.metrics.journal_head.set(head)
        # What stands now lives for ever: the collector of cycles need not look at it again.
        gc.collect()
        gc.freeze()
        self.ledger.failed = False
        self.ready = True

    async def _compile_published(self) -> None:
        for scope, published in (await asyncio.to_thread(self.published)).items():
            for wanted in (published.decider, published.tried):
                if wanted is not None:
                    await self.policies.runtime_of(scope, wanted)

    def published(self) -> dict[Scope, Published]:
        """What decides in each scope that has a policy, from the log."""
        starts: dict[Scope, int] = {}
        found: dict[Scope, Decider] = {}
        trials: dict[Scope, tuple[int, TrialEntry]] = {}
        wanted = entries.STARTS | {entries.POLICY, entries.TRIAL}
        for seq, scope, kind in self.records.control_entries(self.journal.head()):
            for entry in self.journal.read(scope, seq, 1) if kind in wanted else ():
                if kind in entries.STARTS:
                    starts[scope] = entries.decode(kind, entry.body).history_start_us
                    continue
                if kind == entries.POLICY:
                    found[scope] = entries.decode(kind, entry.body).decider
                standing_trial(trials, entry)
        tried = {scope: body.decider for scope, (_seq, body) in trials.items()}
        return {
            scope: Published(decider, starts[scope], tried.get(scope))
            for scope, decider in found.items()
        }

    def foundations(self) -> Foundations:
        """What a rebuild needs beside the log."""
        return Foundations(
            self.history,
            self.checkpoints,
            self._runtime,
            self.digester,
            self.fresh_lists,
            self.keeper.extend,
        )

    def _runtime(self, _scope: Scope, wanted: Decider) -> PolicyRuntime:
        runtime = self.policies.runtime(wanted)
        if runtime is None:
            raise NotFound("ruleset_not_compiled", "a published ruleset was not compiled first")
        return runtime

    def _start_recovery(self) -> None:
        self.ready = False
        self._keep(self._recover())

    def _keep(self, life: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(life)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _recover(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        await self.ledger.settle()
        while True:
            try:
                await asyncio.to_thread(self._reopen)
                await self._rebuild()
            except PaywardenError as fault:
                logger().error("recovery_failed", code=fault.code)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LAST_PAUSE_SECONDS)
                continue
            logger().info("recovered", head=self.journal.head())
            return

    def _reopen(self) -> None:
        if self.writer.state == "open":
            # Memory ran ahead without a failed commit: what is staged nowhere must be forgotten.
            self.writer.close()
            self.writer.start()
        elif self.writer.state == "failed":
            self.writer.recover()
        else:
            self.writer.start()

    # --- makers -----------------------------------------------------------------------------

    def digester(self, scope: Scope) -> Digester:
        """Digests of keys and texts within a scope."""
        return Digester(self._digest_key(scope))

    def bulk_digesters(self, scope: Scope) -> tuple[Digester, Digester]:
        """The same for whole histories: one that remembers many texts, one that remembers none."""
        key = self._digest_key(scope)
        return Digester(key, BULK_DIGESTS), Digester(key, 1)

    def _digest_key(self, scope: Scope) -> Secret[bytes]:
        return self.keys.sub(f"windows {scope.text}")

    def fresh_lists(self) -> Lists:
        """An empty fold of lists with this installation's digest."""
        return Lists(self.list_digest)

    def list_digest(self, scope: Scope, kind: ListKind, canonical: str) -> str:
        """Keyed digest under which a personal list value is kept.

        What looks like a card number is first hashed as it is in payments, so that both meet.
        """
        if looks_like_card_number(canonical):
            hashed = self.hash_identifier(canonical)
            canonical = hashed.upper() if kind is ListKind.ACCOUNT else hashed
        return self._list_keys.of(scope, kind.value.encode(), canonical.encode()).hex()

    def alert_entity(self, scope: Scope, kind: str, name: str) -> str:
        """Under which id alerts hold an entity that payments name so."""
        given = self.payment_reader.identifier(name)
        return named_entity(kind, given, self.digester(scope).digest)

    def hash_identifier(self, text: str) -> str:
        """Keyed hash in place of an identifier that looks like a card number."""
        key = self._identifier_key.expose()
        return "h_" + hashlib.blake2b(text.encode(), key=key, digest_size=20).hexdigest()
