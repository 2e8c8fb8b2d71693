"""The roll-out desk: asks for nothing, but moves what was approved, and takes back what misbehaves.

Guards: at most one roll-out moves per scope; each move of the candidate, its row, its audit event
and its webhook are one commit. Guardrails are looked at before anything moves forward; going back
to what was live needs nobody's approval, going forward needs it once, for the whole plan. A
ruleset that is published past a roll-out ends it. `tick` is called once a second; faults of one
scope never hold up another. Not done here: approvals (`acts.py`), judging (`guardrails.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from paywarden.core.clock import Randomness
from paywarden.core.errors import Conflict, Corrupt, InvalidRequest, NotFound, PaywardenError
from paywarden.core.instants import MINUTE_US
from paywarden.core.scope import Scope
from paywarden.decision.decider import Decider
from paywarden.decision.entries import TrialEntry
from paywarden.decision.ledger import Ledger
from paywarden.decision.rollout.guardrails import broken
from paywarden.decision.rollout.model import (
    Next,
    Plan,
    Rollout,
    RolloutId,
    Stage,
    due,
)
from paywarden.decision.rollout.ports import Rollouts
from paywarden.decision.trial_desk import TrialDesk
from paywarden.decision.webhook_types import ROLLOUT_MOVED, RolloutMoved
from paywarden.identity.approvals.execution import audit_actor
from paywarden.kit.audit import AuditEvent, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.kit.outbox import enqueue

SYSTEM: Final = "system"
SAVE_US: Final = 5_000_000
"""How often counts are saved: a crash loses at most this much of them, never a decision."""
Also = Callable[[UnitOfWork], None]


class RolloutDesk:
    """Keeps the roll-outs that move, one per scope."""

    def __init__(
        self, trials: TrialDesk, store: Rollouts, ledger: Ledger, randomness: Randomness
    ) -> None:
        self._trials = trials
        self._store = store
        self._ledger = ledger
        self._randomness = randomness
        self._active: dict[Scope, Rollout] = {}
        self._saved: dict[Scope, tuple[int, bytes]] = {}

    def load(self) -> None:
        """Take up what moved when the process ended."""
        self._active = dict(self._store.active())

    def live(self, scope: Scope) -> Decider | None:
        """What answers in a scope."""
        return self._trials.live(scope)

    def active(self, scope: Scope) -> Rollout | None:
        """The roll-out that moves in a scope."""
        return self._active.get(scope)

    def find(self, scope: Scope, rollout_id: str) -> Rollout:
        """A roll-out with its counts as of now. Errors: NotFound."""
        active = self._active.get(scope)
        if active is not None and active.id.text == rollout_id:
            self._counted(scope, active)
            return active
        found = self._store.find(scope, rollout_id)
        if found is None:
            raise NotFound("rollout_not_found", "no roll-out of that id here")
        return found

    # --- beginning --------------------------------------------------------------------------

    async def schedule(
        self, scope: Scope, wanted: Decider, plan: Plan, actor: str, reason: str, also: Also
    ) -> Rollout:
        """Begin an approved roll-out, now or at its time. Errors: Conflict, InvalidRequest."""
        plan.check()
        await self._trials.check(scope, wanted)
        made = self._new(scope, wanted, plan, Stage.SCHEDULED, actor, reason)
        self._active[scope] = made
        try:
            await self._save(scope, made, "schedule", actor, also)
        except BaseException:
            self._active.pop(scope, None)
            raise
        await self._step(scope)
        return self._active.get(scope, made)

    async def shadow(
        self, scope: Scope, wanted: Decider, minutes: int, actor: str, reason: str
    ) -> Rollout:
        """Try a ruleset on live payments without any effect, for so long. Errors: Conflict."""
        made = self._new(scope, wanted, Plan(), Stage.SHADOW, actor, reason)
        until_us = made.created_at_us + minutes * MINUTE_US
        made = msgspec.structs.replace(made, until_us=until_us, shadow_only=True)
        await self._begin(scope, made, actor)
        return made

    async def emergency(
        self, scope: Scope, wanted: Decider, minutes: int, plan: Plan, actor: str, reason: str
    ) -> Rollout:
        """Let a ruleset answer everybody at once, for at most so long. Errors: Conflict."""
        made = self._new(scope, wanted, plan, Stage.EMERGENCY, actor, reason)
        made = msgspec.structs.replace(made, until_us=made.created_at_us + minutes * MINUTE_US)
        await self._begin(scope, made, actor)
        return made

    async def roll_back(self, scope: Scope, rollout_id: str, actor: str, reason: str) -> Rollout:
        """End a roll-out: what was live answers everybody. Errors: NotFound, Conflict."""
        found = self.find(scope, rollout_id)
        if not found.active:
            raise Conflict("rollout_ended", "this roll-out has ended")
        return await self._end(scope, found, Stage.ROLLED_BACK, actor, reason)

    # --- moving -----------------------------------------------------------------------------

    async def tick(self) -> None:
        """Move what is due, take back what breaks a guardrail, save counts."""
        for scope in list(self._active):
            try:
                await self._step(scope)
            except PaywardenError as fault:  # the next tick tries again
                logger().warning("rollout_waits", tenant=scope.tenant, code=fault.code)

    async def _step(self, scope: Scope) -> None:
        rollout = self._active[scope]
        now = self._ledger.clock.now_us()
        if rollout.stage is not Stage.SCHEDULED:
            if self._superseded(scope, rollout):
                await self._past(scope, rollout)
                return
            self._counted(scope, rollout)
            why = broken(rollout.tally, rollout.plan.guardrails)
            if why is not None and not rollout.shadow_only:
                logger().error("rollout_rolled_back", ruleset=str(rollout.decider), reason=why)
                await self._end(scope, rollout, Stage.ROLLED_BACK, SYSTEM, why)
                return
        await self._move(scope, rollout, due(rollout, now), now)

    async def _move(self, scope: Scope, rollout: Rollout, wanted: Next, now: int) -> None:
        if wanted is Next.START:
            stage = Stage.SHADOW if rollout.plan.shadow_minutes else Stage.STAGED
            step = -1 if stage is Stage.SHADOW else 0
            try:
                await self._begin(scope, _moved(rollout, stage, step, now), SYSTEM)
            except (InvalidRequest, NotFound, Corrupt, Conflict) as fault:
                # Waiting would not mend it: a changed model, or another candidate meanwhile.
                await self._end(scope, rollout, Stage.ROLLED_BACK, SYSTEM, fault.code)
        elif wanted is Next.NEXT_STEP:
            moved = _moved(rollout, Stage.STAGED, rollout.step + 1, now)
            also = self._written(scope, moved, "advance", SYSTEM)
            await self._trials.move(scope, moved.share_ppm, SYSTEM, also)
            self._active[scope] = moved
        elif wanted is Next.GO_LIVE:
            moved = _moved(rollout, Stage.LIVE, rollout.step, now)
            await self._trials.promote(scope, SYSTEM, self._written(scope, moved, "finish", SYSTEM))
            self._active.pop(scope, None)
        elif wanted is Next.EXPIRE:
            await self._end(scope, rollout, Stage.EXPIRED, SYSTEM, "its time is over")
        else:
            await self._save_counts(scope, rollout, now)

    async def _begin(self, scope: Scope, rollout: Rollout, actor: str) -> None:
        entry = TrialEntry(
            rollout.ruleset, rollout.share_ppm, rollout.id.text, actor, rollout.model
        )
        held, self._active[scope] = self._active.get(scope), rollout
        try:
            await self._trials.begin(scope, entry, self._written(scope, rollout, "begin", actor))
        except BaseException:
            if held is None:
                self._active.pop(scope, None)
            else:
                self._active[scope] = held
            raise

    async def _end(
        self, scope: Scope, rollout: Rollout, stage: Stage, actor: str, reason: str
    ) -> Rollout:
        now = self._ledger.clock.now_us()
        ended = msgspec.structs.replace(
            _moved(rollout, stage, rollout.step, now), ended=reason[:500]
        )
        if rollout.stage is Stage.SCHEDULED:
            await self._save(scope, ended, "end", actor, _nothing)
        else:
            await self._trials.end(scope, actor, self._written(scope, ended, "end", actor))
        self._active.pop(scope, None)
        return ended

    async def _past(self, scope: Scope, rollout: Rollout) -> None:
        """Another ruleset was published: the trial has ended already."""
        now = self._ledger.clock.now_us()
        ended = _moved(rollout, Stage.ROLLED_BACK, rollout.step, now)
        ended = msgspec.structs.replace(ended, ended="another ruleset was published")
        await self._save(scope, ended, "end", SYSTEM, _nothing)
        self._active.pop(scope, None)

    # --- inside -----------------------------------------------------------------------------

    def _new(
        self, scope: Scope, wanted: Decider, plan: Plan, stage: Stage, actor: str, reason: str
    ) -> Rollout:
        live = self._trials.live(scope)
        if live is None:
            raise Conflict("no_live_ruleset", "publish a first ruleset before trying another")
        if live == wanted:
            raise Conflict("trial_of_live", "this decides already")
        if scope in self._active:
            raise Conflict("rollout_standing", "another roll-out moves here; end it first")
        now = self._ledger.clock.now_us()
        return Rollout(
            RolloutId.new(self._randomness), wanted.ruleset, str(live), plan, stage, -1, now, now,
            actor, reason, model=wanted.model,
        )  # fmt: skip

    def _superseded(self, scope: Scope, rollout: Rollout) -> bool:
        trial = self._trials.standing(scope)
        return trial is None or trial.entry.salt != rollout.id.text

    def _counted(self, scope: Scope, rollout: Rollout) -> None:
        """Have the trial count into the roll-out's tally, also after the state was rebuilt."""
        trial = self._trials.standing(scope)
        if self._superseded(scope, rollout):
            return
        if trial is not None and trial.tally is not rollout.tally:
            rollout.tally.take(trial.tally)
            trial.tally = rollout.tally

    async def _save_counts(self, scope: Scope, rollout: Rollout, now: int) -> None:
        at, held = self._saved.get(scope, (0, b""))
        counts = msgspec.msgpack.encode(rollout.tally)
        if now >= at + SAVE_US and counts != held:
            unit = UnitOfWork()
            self._store.put(unit, scope, rollout)
            await self._ledger.stores.writer.commit(unit)
            self._saved[scope] = (now, counts)

    async def _save(self, scope: Scope, rollout: Rollout, act: str, actor: str, also: Also) -> None:
        unit = UnitOfWork()
        also(unit)
        self._written(scope, rollout, act, actor)(unit)
        await self._ledger.stores.writer.commit(unit)

    def _written(self, scope: Scope, rollout: Rollout, act: str, actor: str) -> Also:
        """What every move writes: row, audit event, webhook."""

        def write(unit: UnitOfWork) -> None:
            now = self._ledger.clock.now_us()
            self._store.put(unit, scope, rollout)
            detail = {
                "rollout": rollout.id.text, "ruleset": str(rollout.decider),
                "stage": rollout.stage.value, "share_ppm": rollout.share_ppm,
                "reason": rollout.ended or rollout.reason,
            }  # fmt: skip
            event = AuditEvent(
                scope, f"policy:rollout:{act}", audit_actor(actor), AuditOutcome.DONE, now, detail
            )
            self._ledger.stores.audit.record(unit, event)
            told = RolloutMoved(
                rollout.id.text, str(rollout.decider), rollout.stage.value,
                rollout.share_ppm / 10_000, rollout.ended,
            )  # fmt: skip
            enqueue(unit, scope, ROLLOUT_MOVED, msgspec.json.encode(told), now)

        return write


def _moved(rollout: Rollout, stage: Stage, step: int, now: int) -> Rollout:
    return msgspec.structs.replace(rollout, stage=stage, step=step, since_us=now)


def _nothing(_unit: UnitOfWork) -> None:
    return None
