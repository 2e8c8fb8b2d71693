"""The trial desk: a candidate enters beside the live ruleset, reaches more payers, leaves, or wins.

Guards: every move is a log entry in one commit with what the caller writes beside it, so that
replay and recovery see the same arms; the candidate's windows (and companions that only it reads)
are filled from the log before it gives an opinion; one trial per scope. A candidate with another
base currency is refused: amounts are converted once per payment, for both. Not done here: when to
move (`rollout`), arms (`arms.py`).
"""

from __future__ import annotations

import msgspec

from paywarden.core.errors import Conflict
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.companions import Companions
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.entries import TrialEntry
from paywarden.decision.ledger import Ledger
from paywarden.decision.policy_desk import Also, PolicyDesk
from paywarden.decision.state import ScopeState
from paywarden.decision.trial import Trial
from paywarden.kit.db.unit import UnitOfWork


class TrialDesk:
    """Begins, moves and ends trials over the policy desk."""

    def __init__(self, policies: PolicyDesk, ledger: Ledger) -> None:
        self._policies = policies
        self._ledger = ledger

    def standing(self, scope: Scope) -> Trial | None:
        """The trial of a scope, if one stands."""
        return self._ledger.ready(scope).trial

    def live(self, scope: Scope) -> Decider | None:
        """What answers in a scope."""
        return self._ledger.ready(scope).decider

    async def check(self, scope: Scope, wanted: Decider) -> None:
        """Pass for what could be tried now, another trial apart. Errors: those of `begin`."""
        state = self._ledger.ready(scope)
        _may_begin(state, wanted)
        _same_currency(state, await self._policies.runtime_of(scope, wanted))

    async def begin(self, scope: Scope, entry: TrialEntry, also: Also) -> int:
        """Put a candidate beside the live ruleset; the log sequence.

        Errors: NotFound, Conflict `trial_standing`, `trial_of_live`, `trial_base_currency`,
        `no_live_ruleset`; Unavailable.
        """
        policies = self._policies
        async with policies.turn:
            state = self._ledger.ready(scope)
            _may_begin(state, entry.decider)
            if state.trial is not None:
                raise Conflict("trial_standing", "another candidate is being tried; end it first")
            _same_currency(state, await policies.runtime_of(scope, entry.decider))
            ready = await policies.made_ready(scope, entry.decider, entry.actor)
            policies.caught_up(ready)
            own = None if ready.windows is ready.state.windows else ready.windows
            trial = Trial(entry, 0, ready.runtime, own)
            return await self._write(ready.state, entry, trial, also, ready.companions)

    async def move(self, scope: Scope, share_ppm: int, actor: str, also: Also) -> int:
        """Let the candidate answer another share of payers; the log sequence. Errors: Conflict."""
        async with self._policies.turn:
            state = self._ledger.ready(scope)
            trial = _standing(state)
            entry = msgspec.structs.replace(trial.entry, share_ppm=share_ppm, actor=actor)
            moved = Trial(entry, trial.seq, trial.runtime, trial.windows, trial.tally)
            return await self._write(state, entry, moved, also)

    async def end(self, scope: Scope, actor: str, also: Also) -> int:
        """Take the candidate away; the live ruleset answers everybody. The log sequence."""
        async with self._policies.turn:
            state = self._ledger.ready(scope)
            _standing(state)
            return await self._write(state, TrialEntry("", 0, "", actor), None, also)

    async def promote(self, scope: Scope, actor: str, also: Also) -> int:
        """Make the candidate the live ruleset; its windows are at hand. The log sequence."""
        async with self._policies.turn:
            trial = _standing(self._ledger.ready(scope))
            ready = await self._policies.made_ready(scope, trial.runtime.decider, actor)
            return await self._policies.switch(ready, actor, also)

    async def _write(
        self, state: ScopeState, entry: TrialEntry, trial: Trial | None, also: Also,
        companions: Companions | None = None,
    ) -> int:  # fmt: skip
        ledger, unit = self._ledger, UnitOfWork()
        also(unit)
        with ledger.ahead():
            staged = ledger.stage(unit, state.scope, entries.TRIAL, ledger.clock.now_us(), entry)
            if trial is not None and not trial.seq:
                trial.seq = staged.seq
            state.trial = trial
            state.keep_companions(companions or Companions())
        await ledger.commit(unit, [staged])
        return staged.seq


def _may_begin(state: ScopeState, candidate: Decider) -> None:
    if state.decider is None:
        raise Conflict("no_live_ruleset", "publish a first ruleset before trying another")
    if state.decider == candidate:
        raise Conflict("trial_of_live", "this decides already")


def _standing(state: ScopeState) -> Trial:
    if state.trial is None:
        raise Conflict("no_trial", "no candidate is being tried")
    return state.trial


def _same_currency(state: ScopeState, candidate: PolicyRuntime) -> None:
    assert state.runtime is not None
    if state.runtime.policy.base_currency != candidate.policy.base_currency:
        raise Conflict(
            "trial_base_currency",
            "the candidate has another base currency; publish it without a trial",
        )
