"""The policy desk: rulesets are stored, compiled aside, and published at a logged sequence.

Guards: a ruleset is immutable and named by its content; nothing that does not compile is stored;
publishing moves one pointer by a log entry. Files are read, packed and opened by the compiler,
never here, so that payments do not wait for them. New windows and companions have history at once:
they are filled from the log up to a sequence in a worker thread while payments go on, catch up with
what came meanwhile, and take over between two payments. Publishing and rolling back each take an
approval of their own and end it in the commit of the switch. Not done here: asking for approvals,
trials (`trial_desk`), when a ruleset goes live in steps (`rollout`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from paywarden.core.errors import Conflict, Corrupt, NotFound
from paywarden.core.scope import Scope
from paywarden.decision import entries, errors
from paywarden.decision.approved_payloads import Rollback, publication, rollback
from paywarden.decision.companions import Companions
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.entries import PolicyEntry
from paywarden.decision.former_rulesets import decider_after, rollback_to
from paywarden.decision.history import History, fill
from paywarden.decision.ledger import Ledger, Staged
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.model_runtime import ModelRuntime
from paywarden.decision.ports import Models, PolicyCompiler, RulesetRow
from paywarden.decision.state import ScopeState
from paywarden.decision.webhook_types import RULESET_PUBLISHED, RulesetPublished
from paywarden.identity.approvals.catalogue import RULESET_PUBLISH, RULESET_ROLLBACK
from paywarden.identity.approvals.execution import Approved, audit_actor
from paywarden.kit.audit import AuditEvent, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.outbox import enqueue
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.observation import Observation
from paywarden.risk.rules.file_pack import PolicyFiles
from paywarden.risk.rules.model import Policy

CATCH_UP_STEP = 64
KEPT_RUNTIMES = 16


Also = Callable[[UnitOfWork], None]
"""What else is written in the unit of a switch."""


@dataclass(slots=True)
class _BackFill:
    """Observations that arrived while new windows or links (None: no new ones) are being filled."""

    windows: Windows | None
    companions: Companions
    waiting: deque[Observation]


@dataclass(frozen=True, slots=True)
class Ready:
    """A ruleset that may decide at once: `windows` hold its history but for what `fed` lacks.

    `companions`: new ones, which it reads and the scope has not. `fed`: nothing needs to catch up,
    for the windows count live payments already.
    """

    state: ScopeState
    runtime: PolicyRuntime
    windows: Windows
    fed: bool
    companions: Companions = field(default_factory=Companions)


class PolicyDesk:
    """Stores and publishes rulesets over one ledger."""

    def __init__(
        self, ledger: Ledger, history: History, lists: ListDesk, compiler: PolicyCompiler,
        models: Models,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._history = history
        self._lists = lists
        self._compiler = compiler
        self._models = models
        self._runtimes: dict[Decider, PolicyRuntime] = {}
        self._filling: dict[Scope, _BackFill] = {}
        self.turn = asyncio.Lock()

    async def create(self, scope: Scope, files: PolicyFiles, actor: str) -> tuple[RulesetRow, bool]:
        """(the stored ruleset, whether it is new). Errors: PolicyErrors with every finding."""
        async with self.turn:
            made = await self._compiler.compile(files)
            runtime = made.runtime
            self._keep(runtime)
            known = self._ledger.stores.records.ruleset(scope, runtime.ruleset)
            if known is not None:
                return known, False
            policy = runtime.policy
            now = self._ledger.clock.now_us()
            row = RulesetRow(
                runtime.ruleset, policy.name, len(policy.rules), made.packed, now, actor
            )
            unit = UnitOfWork()
            self._ledger.stores.records.add_ruleset(unit, scope, row)
            self._audit(unit, scope, "create", actor, runtime.ruleset)
            await self._ledger.stores.writer.commit(unit)
            return row, True

    async def publish(self, scope: Scope, ruleset: str, approved: Approved) -> int:
        """Let a stored ruleset decide from the next payment on; the log sequence of the switch.

        The model that serves goes on beside it. Errors: NotFound, Conflict, InvalidRequest.
        """
        approved.require(scope, RULESET_PUBLISH, publication(ruleset))
        async with self.turn:
            model = (self._ledger.ready(scope).decider or Decider("")).model
            ready = await self.made_ready(scope, Decider(ruleset, model), approved.actor)
            return await self.switch(ready, approved.actor, approved.settle)

    async def roll_back(self, scope: Scope, wanted: Rollback, approved: Approved) -> int:
        """Let a ruleset decide again in place of what it was asked against, with its model.

        Errors: Conflict `ruleset_not_former`, `ruleset_moved_on`, and those of its model.
        """
        approved.require(scope, RULESET_ROLLBACK, rollback(wanted))
        async with self.turn:
            after = decider_after(self._ledger, scope, wanted)
            ready = await self.made_ready(scope, after, approved.actor)
            return await self.switch(ready, approved.actor, approved.settle, "rollback")

    def rollback_to(self, scope: Scope, ruleset: str, model: str | None) -> Rollback:
        """What to ask for so that a former ruleset decides again. Errors: NotFound, Conflict."""
        if self._ledger.stores.records.ruleset(scope, ruleset) is None:
            raise ruleset_not_found()
        return rollback_to(self._ledger, scope, ruleset, model)

    async def made_ready(self, scope: Scope, wanted: Decider, actor: str) -> Ready:
        """Compile, declare the lists and fill the windows; the caller holds `turn` and goes on
        without waiting. Errors: NotFound, Conflict, InvalidRequest, Corrupt, Unavailable."""
        row = self._ledger.stores.records.ruleset(scope, wanted.ruleset)
        if row is None:
            raise ruleset_not_found()
        runtime = await self.runtime_of(scope, wanted)
        if runtime.ruleset != wanted.ruleset:
            raise Conflict(
                "ruleset_compiles_differently",
                "this program reads the stored files otherwise; push the policy again",
            )
        state = self._ledger.ready(scope)
        await self._declare_lists(scope, runtime.policy, row.packed, actor)
        return await self._filled(state, runtime)

    def observed(self, scope: Scope, observation: Observation) -> None:
        """Every observation as it is staged: a back-fill in progress must not miss it."""
        filling = self._filling.get(scope)
        if filling is not None:
            filling.waiting.append(observation)

    def runtime(self, wanted: Decider) -> PolicyRuntime | None:
        """A compiled ruleset with its model that is still at hand."""
        return self._runtimes.get(wanted)

    async def runtime_of(self, scope: Scope, wanted: Decider) -> PolicyRuntime:
        """The compiled form of a stored ruleset and its model. Errors: NotFound, Corrupt."""
        known = self._runtimes.get(wanted)
        if known is not None:
            return known
        plain = self._plain(wanted.ruleset)
        if plain is None:
            row = self._ledger.stores.records.ruleset(scope, wanted.ruleset)
            if row is None:
                raise ruleset_not_found()
            plain = await self._compiled(row)
        runtime = plain
        if wanted.model:
            runtime = await asyncio.to_thread(self._beside, plain, wanted.model)
        self._keep(runtime)
        return runtime

    def _plain(self, ruleset: str) -> PolicyRuntime | None:
        """A ruleset alone, when it is at hand with whatever model."""
        alike = (one for name, one in self._runtimes.items() if name.ruleset == ruleset)
        found = next(alike, None)
        return PolicyRuntime(found.compiled) if found is not None else None

    def _beside(self, plain: PolicyRuntime, model: str) -> PolicyRuntime:
        try:
            artefact = self._models.artefact(model)
        except Corrupt as fault:  # the model's fault, not the house's: say so to who asks
            raise Conflict(fault.code, fault.detail) from fault
        return PolicyRuntime(plain.compiled, ModelRuntime(model, artefact, plain.compiled))

    async def _declare_lists(self, scope: Scope, policy: Policy, packed: bytes, actor: str) -> None:
        kinds, files = policy.lists, policy.list_files
        wanted = self._lists.unsettled(scope, kinds, files)
        listed = await self._compiler.lists(wanted, packed) if wanted else {}
        await self._lists.declare(scope, kinds, listed, files, actor)

    async def _compiled(self, row: RulesetRow) -> PolicyRuntime:
        return (await self._compiler.compile(PolicyFiles(row.packed, ruleset=row.hash))).runtime

    def keep(self, runtime: PolicyRuntime) -> None:
        """Have a compiled ruleset at hand (at start)."""
        self._keep(runtime)

    async def _filled(self, state: ScopeState, runtime: PolicyRuntime) -> Ready:
        counting = _counting(state, runtime)
        new_ones = Companions.fresh(runtime.reads - state.companions.names)
        if counting is not None and not new_ones.kept:
            return Ready(state, runtime, counting, fed=True)
        new = Windows(runtime.plan, state.history_start_us) if counting is None else None
        filling = _BackFill(new, new_ones, deque())
        self._filling[state.scope] = filling
        try:
            # What is staged but not yet durable is not in the log: wait for it, keep what follows.
            head = self._ledger.stores.journal.staged_head
            await self._ledger.settle()
            chunks = self._history.columns(state.scope, 0, head)
            await asyncio.to_thread(_fill, filling, chunks)
            while len(filling.waiting) > CATCH_UP_STEP:
                _catch_up(filling, CATCH_UP_STEP)
                await asyncio.sleep(0)
            windows = counting if new is None else new
            assert windows is not None
            return Ready(state, runtime, windows, fed=False, companions=new_ones)
        except BaseException:
            self._filling.pop(state.scope, None)
            raise

    def caught_up(self, ready: Ready) -> None:
        """Feed what arrived during the back-fill; from here on all must be fed live.

        Errors: Unavailable when the state was rebuilt meanwhile.
        """
        filling = self._filling.pop(ready.state.scope, None)
        if not ready.fed:
            assert filling is not None
            _catch_up(filling, len(filling.waiting))
        if self._ledger.ready(ready.state.scope) is not ready.state:
            raise errors.engine_recovering()

    async def switch(self, ready: Ready, actor: str, also: Also, act: str = "publish") -> int:
        """Let a ruleset that is ready decide; a trial ends. The log sequence of the switch."""
        state, runtime = ready.state, ready.runtime
        scope, ledger, unit = state.scope, self._ledger, UnitOfWork()
        self.caught_up(ready)
        also(unit)
        with ledger.ahead():
            now = ledger.clock.now_us()
            staged: Staged = ledger.stage(
                unit, scope, entries.POLICY, now,
                PolicyEntry(runtime.ruleset, actor, runtime.decider.model),
            )  # fmt: skip
            state.runtime, state.windows, state.decider = runtime, ready.windows, runtime.decider
            state.trial = None
            state.keep_companions(ready.companions)
            self._audit(unit, scope, act, actor, str(runtime.decider))
            told = RulesetPublished(runtime.ruleset, staged.seq)
            enqueue(unit, scope, RULESET_PUBLISHED, msgspec.json.encode(told), now)
        await ledger.commit(unit, [staged])
        logger().info("ruleset_published", act=act, ruleset=str(runtime.decider), seq=staged.seq)
        return staged.seq

    def _audit(self, unit: UnitOfWork, scope: Scope, act: str, actor: str, ruleset: str) -> None:
        now = self._ledger.clock.now_us()
        event = AuditEvent(
            scope, f"policy:ruleset:{act}", audit_actor(actor), AuditOutcome.DONE, now,
            {"ruleset": ruleset},
        )  # fmt: skip
        self._ledger.stores.audit.record(unit, event)

    def _keep(self, runtime: PolicyRuntime) -> None:
        states = self._ledger.states.values()
        live = {state.decider for state in states}
        live |= {state.trial.runtime.decider for state in states if state.trial is not None}
        for name in list(self._runtimes):
            if len(self._runtimes) >= KEPT_RUNTIMES and name not in live:
                del self._runtimes[name]
        self._runtimes[runtime.decider] = runtime


def _counting(state: ScopeState, wanted: PolicyRuntime) -> Windows | None:
    """Windows that count already just what a back-fill would: equal aggregates in one order."""
    aggregates, trial = wanted.aggregates, state.trial
    if state.runtime is not None and state.runtime.aggregates == aggregates:
        return state.windows
    if trial is not None and trial.runtime.aggregates == aggregates:
        return trial.windows
    return None


def _fill(filling: _BackFill, chunks: Iterator[ObservationColumns]) -> None:
    """Feed what the log holds; in a worker thread."""
    filling.companions.warm()
    fill(filling.windows, chunks, filling.companions)


def _catch_up(filling: _BackFill, count: int) -> None:
    """Feed the oldest waiting observations."""
    for _ in range(min(count, len(filling.waiting))):
        seen = filling.waiting.popleft()
        if filling.windows is not None:
            filling.windows.add(seen)
        filling.companions.add(seen)


def ruleset_not_found() -> NotFound:
    """No such ruleset for this key."""
    return NotFound("ruleset_not_found", "no ruleset of that hash for this tenant and environment")
