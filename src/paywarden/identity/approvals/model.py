"""A request for approval as a value: the fold of its steps, and which step may follow which.

Guards: steps are only added, never changed; a request ends once. Whether an open request is
*approved* is no state here: it is worked out anew from signatures, roster and clock each time
(`standing`), so that no stored flag can say it.

    open --approve, withdraw--> open --execute--> executed
         --reject--> rejected   --cancel--> cancelled   --expire--> expired
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from paywarden.cde_client.challenge import Subject
from paywarden.cde_client.messages import Assertion
from paywarden.core.identifiers import ApprovalId
from paywarden.core.scope import Scope

REASON_LIMIT: Final = 500
PAYLOAD_LIMIT_OCTETS: Final = 512 * 1024
STEPS_LIMIT: Final = 64


class State(enum.StrEnum):
    """Where a request stands; only `open` goes on."""

    OPEN = "open"
    EXECUTED = "executed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Act(enum.StrEnum):
    """What is done to an open request."""

    APPROVE = "approve"
    WITHDRAW = "withdraw"
    REJECT = "reject"
    CANCEL = "cancel"
    EXPIRE = "expire"
    EXECUTE = "execute"


LEADS_TO: Final = {
    Act.APPROVE: State.OPEN,
    Act.WITHDRAW: State.OPEN,
    Act.REJECT: State.REJECTED,
    Act.CANCEL: State.CANCELLED,
    Act.EXPIRE: State.EXPIRED,
    Act.EXECUTE: State.EXECUTED,
}
"""From `open`; nothing leads out of the other states."""
ENDING: Final = frozenset(act for act, state in LEADS_TO.items() if state is not State.OPEN)


class Method(enum.StrEnum):
    """How an approver proved to be there: a signature over the payload, or a code that is not."""

    PASSKEY = "passkey"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Step:
    """One act: `number` counts from 1 within the request; `actor` is a person, key or `system`."""

    number: int
    act: Act
    actor: str
    at_us: int
    method: Method | None = None
    assertion: Assertion | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for; never changes."""

    approval_id: ApprovalId
    scope: Scope
    action: str
    payload_hash: bytes
    maker: str
    reason: str
    created_at_us: int
    expires_at_us: int

    @property
    def subject(self) -> Subject:
        """What approvers sign."""
        return Subject(
            self.scope,
            self.approval_id.text,
            self.action,
            self.payload_hash,
            self.expires_at_us,
            self.maker,
        )


@dataclass(frozen=True, slots=True)
class Request:
    """A request with its steps in order. ValueError for steps that cannot follow each other."""

    asked: Asked
    steps: tuple[Step, ...] = ()

    def __post_init__(self) -> None:
        for place, step in enumerate(self.steps, start=1):
            if step.number != place or (step.act in ENDING and place != len(self.steps)):
                raise ValueError("the steps of a request are dense, and nothing follows its end")

    @property
    def state(self) -> State:
        """Where it stands."""
        return LEADS_TO[self.steps[-1].act] if self.steps else State.OPEN

    @property
    def approvals(self) -> tuple[Step, ...]:
        """Approvals that were not withdrawn, oldest first; at most one per person."""
        standing: dict[str, Step] = {}
        for step in self.steps:
            if step.act is Act.APPROVE:
                standing[step.actor] = step
            elif step.act is Act.WITHDRAW:
                standing.pop(step.actor, None)
        return tuple(standing.values())

    def next_number(self) -> int:
        """Number of the step to come."""
        return len(self.steps) + 1
