"""Answers of the API as typed values.

Guards: fields that a newer server adds are passed over, so that an old client keeps working. A
decision that did not come from the server says so: `local` is true and `id` is empty.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from paywarden.client.receipts import Promise

Outcome = Literal["allow", "challenge", "review", "block"]


class Reason(msgspec.Struct, frozen=True):
    """A neutral reason: a stable code and a text that may be shown to staff."""

    code: str
    text: str


class RequiredAction(msgspec.Struct, frozen=True):
    """What has to happen before the payment can go on; then call `continue_decision`."""

    kind: str
    continue_path: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to one payment.

    `repeated`: recorded before, nothing was counted again. `local`: made here by the caller's own
    choice because the server could not be asked; `local_cause` is then the code of the error.
    """

    id: str
    payment_id: str
    attempt: str
    outcome: Outcome
    points: int
    reasons: tuple[Reason, ...] = ()
    required_action: RequiredAction | None = None
    advice: tuple[Reason, ...] = ()
    ruleset: str = ""
    model: str | None = None
    degraded: tuple[str, ...] = ()
    latency_ms: float = 0.0
    receipt: Promise | None = None
    repeated: bool = False
    local: bool = False
    local_cause: str | None = None


class DecisionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded decision; `record` (operators' keys) holds everything that it was made from."""

    id: str
    payment_id: str
    attempt: str
    outcome: Outcome
    points: int
    created_at: str
    reasons: tuple[Reason, ...] = ()
    required_action: RequiredAction | None = None
    advice: tuple[Reason, ...] = ()
    ruleset: str = ""
    model: str | None = None
    degraded: tuple[str, ...] = ()
    latency_ms: float = 0.0
    continues: str | None = None
    record: dict[str, Any] | None = None


class BatchItem(msgspec.Struct, frozen=True, kw_only=True):
    """One payment of a batch: a `decision`, or the `code` that refused it and why."""

    decision: Decision | None = None
    repeated: bool = False
    code: str | None = None
    detail: str | None = None
    pointer: str | None = None


class EventResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event: `recorded`, `repeated`, or `refused` with code and place.

    `held`: a label of a flood, which counts once an operator releases it.
    """

    id: str
    status: Literal["recorded", "repeated", "held", "refused"]
    code: str | None = None
    detail: str | None = None
    pointer: str | None = None


class ListSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A list of the policy: its kind and how many entries it holds."""

    name: str
    kind: str
    entries: int
    version: int
    sha256: str


class ListEdited(msgspec.Struct, frozen=True, kw_only=True):
    """A list after an edit; it counts for every payment after `log_sequence`.

    Where `log_sequence` is None, the edit waits for other people: `id` names the request.
    """

    name: str = ""
    entries: int = 0
    version: int = 0
    log_sequence: int | None = None
    id: str | None = None


class Ruleset(msgspec.Struct, frozen=True, kw_only=True):
    """A stored, immutable ruleset; `files` only when one is read."""

    hash: str
    name: str
    rules: int
    created_at: str
    created_by: str
    live: bool
    files: dict[str, str] | None = None


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """The ruleset that decides from `log_sequence` on.

    Where it is not `live`, publishing waits for other people: `id` names the request for approval.
    """

    hash: str | None = None
    live: bool = False
    log_sequence: int | None = None
    id: str | None = None


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """A request for approval; `ready_at` says from when it can be done, if it is approved now."""

    id: str
    action: str
    state: Literal["open", "executed", "rejected", "cancelled", "expired"]
    payload: str | None = None
    maker: str
    reason: str
    created_at: str
    expires_at: str
    approvals_needed: int
    approvals_counting: tuple[str, ...] = ()
    ready_at: str | None = None


class Executed(msgspec.Struct, frozen=True, kw_only=True):
    """What was approved is done; `result` is the act's own."""

    id: str
    result: Any = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """Wire form of a batch."""

    items: tuple[BatchItem, ...]


class EventsAnswer(msgspec.Struct, frozen=True):
    """Wire form of the results of events."""

    results: tuple[EventResult, ...]


class DecisionPage(msgspec.Struct, frozen=True):
    """Wire form of a page of decisions."""

    items: tuple[DecisionRecord, ...]
    has_more: bool
    next: str | None = None


class ListPage(msgspec.Struct, frozen=True):
    """Wire form of the lists."""

    items: tuple[ListSummary, ...]


class RulesetPage(msgspec.Struct, frozen=True):
    """Wire form of a page of rulesets."""

    items: tuple[Ruleset, ...]
    has_more: bool
    next: str | None = None


class ApprovalPage(msgspec.Struct, frozen=True):
    """Wire form of a page of requests for approval."""

    items: tuple[Approval, ...]
    has_more: bool
    next: str | None = None
