"""An emergency rule: added to the live policy at once, for hours, under a cap, without approval.

Guards: it may only stop more (no `allow`, so nobody opens a door alone), it is added beside the
live rules and changes none of them, it ends by itself after at most four hours, and a guardrail
takes it back when it blocks more than its cap. Who may do it is one permission; that it was done
is an audit event and a webhook. Source: ARCHITECTURE.md, section 5.
"""

from __future__ import annotations

import asyncio
import hashlib

from paywarden.core.errors import Conflict, InvalidRequest
from paywarden.core.outcome import Outcome
from paywarden.core.scope import Scope
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.decider import Decider
from paywarden.decision.policy_desk import PolicyDesk
from paywarden.decision.ports import Records
from paywarden.decision.rollout.desk import RolloutDesk
from paywarden.decision.rollout.model import Guardrails, Plan, Rollout
from paywarden.decision.trial_desk import TrialDesk
from paywarden.risk.rules.file_pack import PolicyFiles, pack_files, unpack_files

FOLDER = "rules/emergency"
MAX_RULES = 10
MIN_PAYMENTS = 50
"""Payments before the cap is judged; fewer than for a roll-out, since everybody is affected."""


class Emergencies:
    """Makes the candidate of an emergency and begins its roll-out."""

    def __init__(
        self, policies: PolicyDesk, trials: TrialDesk, rollouts: RolloutDesk, records: Records
    ) -> None:
        self._policies = policies
        self._trials = trials
        self._rollouts = rollouts
        self._records = records

    async def begin(
        self, scope: Scope, rules: str, minutes: int, cap: float, actor: str, reason: str
    ) -> Rollout:
        """Add `rules` (YAML text) to the live policy for `minutes`.

        `cap`: added share of blocks at which it is taken back. Errors: PolicyErrors with every
        finding, Conflict, InvalidRequest `emergency_allows`, `emergency_too_many`.
        """
        live = self._trials.live(scope)
        row = self._records.ruleset(scope, live.ruleset) if live else None
        if row is None or live is None:
            raise Conflict("no_live_ruleset", "publish a first ruleset before trying another")
        packed = await asyncio.to_thread(_with_rules, row.packed, rules)
        made, _fresh = await self._policies.create(scope, PolicyFiles(packed), actor)
        before = await self._policies.runtime_of(scope, live)
        wanted = Decider(made.hash, live.model)
        _only_stops(before, await self._policies.runtime_of(scope, wanted))
        guard = Guardrails(
            block_increase=cap, alert_increase=1.0, min_payments=MIN_PAYMENTS, latency_ms=100.0
        )
        plan = Plan(guardrails=guard)
        return await self._rollouts.emergency(scope, wanted, minutes, plan, actor, reason)


def _with_rules(packed: bytes, rules: str) -> bytes:
    files = unpack_files(packed)
    content = rules.encode()
    name = f"{FOLDER}/{hashlib.sha256(content).hexdigest()[:12]}.yaml"
    return pack_files({**files, name: content})


def _only_stops(live: PolicyRuntime, candidate: PolicyRuntime) -> None:
    known = {rule.id for rule in live.policy.rules}
    added = [row for row in candidate.rows if row.id not in known]
    if len(added) > MAX_RULES:
        raise InvalidRequest(
            "emergency_too_many", f"at most {MAX_RULES} rules at once", pointer="/rules"
        )
    if any(row.outcome is Outcome.ALLOW for row in added):
        raise InvalidRequest(
            "emergency_allows", "an emergency rule may only stop more", pointer="/rules"
        )
