"""A roll-out as an approved act: its payload in one canonical form, and who carries it out.

Guards: the payload says the whole plan, so that who approves sees how fast and how far it goes.
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.decision.decider import Decider
from paywarden.decision.rollout.desk import RolloutDesk
from paywarden.decision.rollout.model import Plan
from paywarden.identity.approvals.catalogue import RULESET_ROLL_OUT
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.service import Approvals


class RollOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Let this ruleset decide in steps, as the plan says; `reason` stays with the roll-out."""

    ruleset: str
    plan: Plan
    reason: str
    model: str = ""


_ROLL_OUTS: Final = msgspec.json.Decoder(RollOut)


def roll_out(wanted: Decider, plan: Plan, reason: str) -> bytes:
    """Payload of a roll-out."""
    asked = RollOut(wanted.ruleset, plan, reason, wanted.model)
    return msgspec.json.encode(asked, order="sorted")


class RolloutActs:
    """Executor over the desk."""

    def __init__(self, rollouts: RolloutDesk) -> None:
        self._rollouts = rollouts

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries the act out."""
        approvals.register(RULESET_ROLL_OUT, self.roll_out)

    async def roll_out(self, approved: Approved, payload: bytes) -> str:
        """Begin a roll-out as planned; its id. Errors: InvalidRequest, Conflict, NotFound."""
        wanted = _ROLL_OUTS.decode(payload)
        tried = Decider(wanted.ruleset, wanted.model)
        signed = roll_out(tried, wanted.plan, wanted.reason)
        approved.require(approved.scope, RULESET_ROLL_OUT, signed)
        made = await self._rollouts.schedule(
            approved.scope, tried, wanted.plan, approved.actor, wanted.reason,
            approved.settle,
        )  # fmt: skip
        return made.id.text
