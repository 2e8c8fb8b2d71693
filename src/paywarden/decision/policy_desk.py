"""The policy desk: rulesets are stored, compiled aside, and published at a logged sequence.

Guards: a ruleset is immutable and named by its content; nothing that does not compile is stored;
publishing moves one pointer by a log entry. Files are read, packed and opened by the compiler,
never here, so that payments do not wait for them. New windows have history at once: they are filled
from the log up to a sequence in a worker thread while payments go on, catch up with what came
meanwhile, and take over between two payments. Publishing and rolling back each take an approval of
their own and end it in the commit of the switch. Not done here: asking for approvals, shadow,
roll-out (the lab).
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import msgspec

from paywarden.core.errors import Conflict, NotFound
from paywarden.core.scope import Scope
from paywarden.decision import entries, errors
from paywarden.decision.approved_payloads import Rollback, publication, rollback
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.entries import PolicyEntry
from paywarden.decision.former_rulesets import require_former
from paywarden.decision.history import History, fill
from paywarden.decision.ledger import Ledger, Staged
from paywarden.decision.list_desk import ListDesk
from paywarden.decision.ports import PolicyCompiler, RulesetRow
from paywarden.decision.state import ScopeState
from paywarden.decision.webhook_types import RULESET_PUBLISHED, RulesetPublished
from paywarden.identity.approvals.catalogue import RULESET_PUBLISH, RULESET_ROLLBACK
from paywarden.identity.approvals.execution import Approved, audit_actor
from paywarden.kit.audit import AuditEvent, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.outbox import enqueue
from paywarden.risk.features.arena import Windows
from paywarden.risk.features.observation import Observation
from paywarden.risk.rules.file_pack import PolicyFiles
from paywarden.risk.rules.model import Policy

CATCH_UP_STEP = 64
KEPT_RUNTIMES = 16


@dataclass(slots=True)
class _BackFill:
    """Observations that arrived while new windows are being filled."""

    windows: Windows
    waiting: deque[Observation]


class PolicyDesk:
    """Stores and publishes rulesets over one ledger."""

    def __init__(
        self, ledger: Ledger, history: History, lists: ListDesk, compiler: PolicyCompiler
    ) -> None:
        self._ledger = ledger
        self._history = history
        self._lists = lists
        self._compiler = compiler
        self._runtimes: dict[str, PolicyRuntime] = {}
        self._filling: dict[Scope, _BackFill] = {}
        self._one_at_a_time = asyncio.Lock()

    async def create(self, scope: Scope, files: PolicyFiles, actor: str) -> tuple[RulesetRow, bool]:
        """(the stored ruleset, whether it is new). Errors: PolicyErrors with every finding."""
        async with self._one_at_a_time:
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
        """Let a stored ruleset decide from the next payment on; the log sequence of the switch."""
        approved.require(scope, RULESET_PUBLISH, publication(ruleset))
        async with self._one_at_a_time:
            return await self._put_live(scope, ruleset, approved, "publish")

    async def roll_back(self, scope: Scope, wanted: Rollback, approved: Approved) -> int:
        """Let a ruleset decide again in place of the one it was asked against.

        Errors: Conflict `ruleset_not_former`, `ruleset_moved_on`.
        """
        ruleset, replaces = wanted.ruleset, wanted.replaces
        approved.require(scope, RULESET_ROLLBACK, rollback(ruleset, replaces))
        async with self._one_at_a_time:
            require_former(self._ledger, scope, ruleset)
            if self._ledger.ready(scope).ruleset != replaces:
                raise Conflict("ruleset_moved_on", "another ruleset decides than when it was asked")
            return await self._put_live(scope, ruleset, approved, "rollback")

    def rollback_to(self, scope: Scope, ruleset: str) -> Rollback:
        """What to ask for so that a former ruleset decides again. Errors: NotFound, Conflict."""
        if self._ledger.stores.records.ruleset(scope, ruleset) is None:
            raise ruleset_not_found()
        require_former(self._ledger, scope, ruleset)
        return Rollback(self._ledger.ready(scope).ruleset or "", ruleset)

    async def _put_live(self, scope: Scope, ruleset: str, approved: Approved, act: str) -> int:
        """Compile, fill and switch, as the only one who does; the log sequence."""
        row = self._ledger.stores.records.ruleset(scope, ruleset)
        if row is None:
            raise ruleset_not_found()
        runtime = self._runtimes.get(ruleset) or await self._compiled(row)
        if runtime.ruleset != ruleset:
            raise Conflict(
                "ruleset_compiles_differently",
                "this program reads the stored files otherwise; push the policy again",
            )
        self._keep(runtime)
        state = self._ledger.ready(scope)
        await self._declare_lists(scope, runtime.policy, row.packed, approved.actor)
        windows = await self._filled(state, runtime)
        return await self._switch(state, runtime, windows, approved, act)

    def observed(self, scope: Scope, observation: Observation) -> None:
        """Every observation as it is staged: a back-fill in progress must not miss it."""
        filling = self._filling.get(scope)
        if filling is not None:
            filling.waiting.append(observation)

    def runtime(self, ruleset: str) -> PolicyRuntime | None:
        """A compiled ruleset that is still at hand."""
        return self._runtimes.get(ruleset)

    async def runtime_of(self, scope: Scope, ruleset: str) -> PolicyRuntime:
        """The compiled form of a stored ruleset. Errors: NotFound."""
        known = self._runtimes.get(ruleset)
        if known is not None:
            return known
        row = self._ledger.stores.records.ruleset(scope, ruleset)
        if row is None:
            raise ruleset_not_found()
        runtime = await self._compiled(row)
        self._keep(runtime)
        return runtime

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

    async def _filled(self, state: ScopeState, runtime: PolicyRuntime) -> Windows:
        present = state.windows
        if present is not None and _same_windows(state.runtime, runtime):
            self._filling[state.scope] = _BackFill(present, deque())
            return present
        windows = Windows(runtime.plan, state.history_start_us)
        filling = _BackFill(windows, deque())
        self._filling[state.scope] = filling
        try:
            # What is staged but not yet durable is not in the log: wait for it, keep what follows.
            head = self._ledger.stores.journal.staged_head
            await self._ledger.settle()
            chunks = self._history.columns(state.scope, 0, head)
            await asyncio.to_thread(fill, windows, chunks)
            while len(filling.waiting) > CATCH_UP_STEP:
                _catch_up(filling, CATCH_UP_STEP)
                await asyncio.sleep(0)
            return windows
        except BaseException:
            self._filling.pop(state.scope, None)
            raise

    async def _switch(
        self,
        state: ScopeState,
        runtime: PolicyRuntime,
        windows: Windows,
        approved: Approved,
        act: str,
    ) -> int:
        scope, ledger, unit = state.scope, self._ledger, UnitOfWork()
        filling = self._filling.pop(scope)
        if windows is not state.windows:
            _catch_up(filling, len(filling.waiting))
        if ledger.ready(scope) is not state:
            raise errors.engine_recovering()
        approved.settle(unit)
        actor = approved.actor
        with ledger.ahead():
            now = ledger.clock.now_us()
            staged: Staged = ledger.stage(
                unit, scope, entries.POLICY, now, PolicyEntry(runtime.ruleset, actor)
            )
            state.runtime, state.windows, state.ruleset = runtime, windows, runtime.ruleset
            self._audit(unit, scope, act, actor, runtime.ruleset)
            told = RulesetPublished(runtime.ruleset, staged.seq)
            enqueue(unit, scope, RULESET_PUBLISHED, msgspec.json.encode(told), now)
        await ledger.commit(unit, [staged])
        logger().info("ruleset_published", act=act, ruleset=runtime.ruleset, seq=staged.seq)
        return staged.seq

    def _audit(self, unit: UnitOfWork, scope: Scope, act: str, actor: str, ruleset: str) -> None:
        now = self._ledger.clock.now_us()
        event = AuditEvent(
            scope, f"policy:ruleset:{act}", audit_actor(actor), AuditOutcome.DONE, now,
            {"ruleset": ruleset},
        )  # fmt: skip
        self._ledger.stores.audit.record(unit, event)

    def _keep(self, runtime: PolicyRuntime) -> None:
        live = {state.ruleset for state in self._ledger.states.values()}
        for name in list(self._runtimes):
            if len(self._runtimes) >= KEPT_RUNTIMES and name not in live:
                del self._runtimes[name]
        self._runtimes[runtime.ruleset] = runtime


def _same_windows(present: PolicyRuntime | None, wanted: PolicyRuntime) -> bool:
    """Whether present windows hold just what a back-fill would: equal aggregates in one order."""
    return present is not None and present.compiled.aggregates == wanted.compiled.aggregates


def _catch_up(filling: _BackFill, count: int) -> None:
    """Feed the oldest waiting observations."""
    for _ in range(min(count, len(filling.waiting))):
        filling.windows.add(filling.waiting.popleft())


def ruleset_not_found() -> NotFound:
    """No such ruleset for this key."""
    return NotFound("ruleset_not_found", "no ruleset of that hash for this tenant and environment")
