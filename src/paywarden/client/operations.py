"""The operations of the client, once: signature, text, what is sent, what comes back.

Both clients are faces of these functions (`answering`, `paging` in their modules): a signature or a
docstring cannot differ between them, since there is only one. The first parameter, the set-up, is
the client's own. Not done here: how a call becomes bytes and an answer a value (`calls`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote

from paywarden.client import answers
from paywarden.client.answers import BatchItem, Decision, DecisionRecord, EventResult
from paywarden.client.calls import (
    Call,
    Choice,
    Pages,
    get,
    local_batch,
    local_decision,
    post,
    read_batch,
    read_decision,
)
from paywarden.client.payment import AnyPayment, identity_of
from paywarden.client.receipts import Receipt
from paywarden.client.setup import OnFailure, Setup, chosen

# --- payments -------------------------------------------------------------------------------


def decide(
    setup: Setup,
    payment: AnyPayment,
    *,
    on_failure: OnFailure | None = None,
    seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Choice[Decision]:
    """Decide one payment, before it is authorised. The same payment again is `repeated`."""
    choice = chosen(setup, on_failure)
    limit = seconds or setup.decide_seconds
    body = {"payment": payment}
    call = post(setup, "/v1/decisions", body, Decision, limit, idempotency_key)
    return Choice(
        call,
        lambda reply: read_decision(call, reply),
        lambda fault: local_decision(choice, fault, *identity_of(payment)),
    )


def decide_batch(
    setup: Setup,
    payments: Sequence[AnyPayment],
    *,
    on_failure: OnFailure | None = None,
    seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Choice[tuple[BatchItem, ...]]:
    """Decide up to 500 payments in order; each item is a decision or a refusal of its own."""
    choice = chosen(setup, on_failure)
    body = {"payments": list(payments)}
    path = "/v1/decisions/batch"
    call = post(setup, path, body, answers.BatchAnswer, seconds, idempotency_key)
    return Choice(
        call,
        lambda reply: read_batch(call, reply),
        lambda fault: local_batch(choice, fault, payments),
    )


def continue_decision(
    setup: Setup,
    decision: Decision | str,
    result: str,
    *,
    occurred_at: datetime | str | None = None,
    method: str | None = None,
    on_failure: OnFailure | None = None,
    seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Choice[Decision]:
    """Decide again with a challenge's result (`authenticated`, `failed`, ...)."""
    choice = chosen(setup, on_failure)
    decision_id, payment_id, attempt = _names_of(decision)
    body = _given(result=result, occurred_at=occurred_at, method=method)
    limit, path = seconds or setup.decide_seconds, _of_decision(decision_id, "/continue")
    call = post(setup, path, body, Decision, limit, idempotency_key)
    return Choice(
        call,
        lambda reply: read_decision(call, reply),
        lambda fault: local_decision(choice, fault, payment_id, attempt),
    )


def get_decision(setup: Setup, decision_id: str) -> Call[DecisionRecord]:
    """A recorded decision; the whole record with an operator's key."""
    return get(setup, _of_decision(decision_id), DecisionRecord)


def get_receipt(setup: Setup, decision_id: str) -> Call[Receipt]:
    """The proof that a decision is logged; `receipt_pending` until a checkpoint covers it."""
    return get(setup, _of_decision(decision_id, "/receipt"), Receipt)


def list_decisions(
    setup: Setup,
    *,
    outcome: str | None = None,
    payment_id: str | None = None,
    page_size: int = 50,
) -> Pages[DecisionRecord]:
    """Recorded decisions, newest first, page after page as they are asked for."""
    query = {"outcome": outcome, "payment_id": payment_id, "limit": page_size}
    return Pages(
        lambda after: get(setup, "/v1/decisions", answers.DecisionPage, {**query, "after": after})
    )


def send_events(
    setup: Setup,
    events: Sequence[Mapping[str, Any]],
    *,
    seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Choice[tuple[EventResult, ...]]:
    """Up to 500 results, labels, challenge results or account events; one result for each."""
    body = {"events": list(events)}
    call = post(setup, "/v1/events", body, answers.EventsAnswer, seconds, idempotency_key)
    return Choice(call, lambda reply: call.read(reply).results, call.local)


def label(
    setup: Setup,
    event_id: str,
    payment_id: str,
    verdict: Literal["fraud", "genuine", "withdrawn"],
    *,
    source: Literal["chargeback", "issuer_notice", "customer", "analyst"],
    occurred_at: datetime | str,
    attempt: str | None = None,
    seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Choice[EventResult]:
    """Say what a payment turned out to be; `event_id` is yours, and the same one counts once."""
    event = _given(
        id=event_id, kind="label", payment_id=payment_id, attempt=attempt, verdict=verdict,
        source=source, occurred_at=occurred_at,
    )  # fmt: skip
    sent = send_events(setup, [event], seconds=seconds, idempotency_key=idempotency_key)
    return Choice(sent.call, lambda reply: sent.read(reply)[0], sent.call.local)


# --- policy ---------------------------------------------------------------------------------


def lists(setup: Setup) -> Choice[tuple[answers.ListSummary, ...]]:
    """Every list of the key's tenant and environment."""
    call = get(setup, "/v1/lists", answers.ListPage)
    return Choice(call, lambda reply: call.read(reply).items, call.local)


def edit_list(
    setup: Setup,
    name: str,
    value: str,
    reason: str,
    *,
    action: Literal["add", "remove"] = "add",
    kind: str | None = None,
    expires_at: datetime | str | None = None,
    idempotency_key: str | None = None,
) -> Call[answers.ListEdited]:
    """Add or remove one entry; `kind` is needed for a list that does not exist yet."""
    body = _given(value=value, reason=reason, action=action, kind=kind, expires_at=expires_at)
    path = f"/v1/lists/{quote(name, safe='')}/entries"
    return post(setup, path, body, answers.ListEdited, None, idempotency_key)


def rulesets(setup: Setup, *, page_size: int = 50) -> Pages[answers.Ruleset]:
    """Stored rulesets in order of their hash, without their files."""
    query = {"limit": page_size}
    return Pages(
        lambda after: get(setup, "/v1/rulesets", answers.RulesetPage, {**query, "after": after})
    )


def get_ruleset(setup: Setup, ruleset_hash: str) -> Call[answers.Ruleset]:
    """A stored ruleset with its files."""
    return get(setup, _of_ruleset(ruleset_hash), answers.Ruleset)


def create_ruleset(
    setup: Setup,
    files: Mapping[str, str],
    *,
    seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Call[answers.Ruleset]:
    """Check, compile and store the files of a policy folder (path to text)."""
    body = {"files": dict(files)}
    return post(setup, "/v1/rulesets", body, answers.Ruleset, seconds, idempotency_key)


def publish_ruleset(
    setup: Setup,
    ruleset_hash: str,
    *,
    seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Call[answers.Published]:
    """Let a stored ruleset decide from the next payment on, or ask for that where it waits."""
    path = _of_ruleset(ruleset_hash, "/publish")
    return post(setup, path, None, answers.Published, seconds, idempotency_key)


def roll_back_ruleset(
    setup: Setup,
    ruleset_hash: str,
    *,
    model: str | None = None,
    seconds: float | None = None,
    idempotency_key: str | None = None,
) -> Call[answers.Published]:
    """Let a ruleset decide again that did within the last 30 days, or ask for that.

    `model`: the one that decided beside it, "" for none; None: the one that serves stays.
    """
    path = _of_ruleset(ruleset_hash, "/rollback")
    return post(setup, path, _given(model=model), answers.Published, seconds, idempotency_key)


# --- approvals ------------------------------------------------------------------------------


def approvals(
    setup: Setup, *, only_open: bool = True, page_size: int = 50
) -> Pages[answers.Approval]:
    """Requests for approval, newest first."""
    query = {"limit": page_size, "open": "true" if only_open else "false"}
    return Pages(
        lambda after: get(setup, "/v1/approvals", answers.ApprovalPage, {**query, "after": after})
    )


def get_approval(setup: Setup, approval_id: str) -> Call[answers.Approval]:
    """A request for approval as it stands now."""
    return get(setup, _of_approval(approval_id), answers.Approval)


def cancel_approval(setup: Setup, approval_id: str, reason: str) -> Call[answers.Approval]:
    """End a request that this key made."""
    path = _of_approval(approval_id, "/cancel")
    return post(setup, path, {"reason": reason}, answers.Approval, None, None)


def execute_approval(setup: Setup, approval_id: str) -> Call[answers.Executed]:
    """Have it done, once, after others approved; asked again it is refused, done or not."""
    return post(
        setup, _of_approval(approval_id, "/execute"), None, answers.Executed, None, None
    )  # fmt: skip


def _given(**fields: Any) -> dict[str, Any]:
    """Fields that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def _of_decision(decision_id: str, act: str = "") -> str:
    """Path of a decision; an id cannot leave its place in the path."""
    return f"/v1/decisions/{quote(decision_id, safe='')}{act}"


def _of_ruleset(ruleset_hash: str, act: str = "") -> str:
    return f"/v1/rulesets/{quote(ruleset_hash, safe='')}{act}"


def _of_approval(approval_id: str, act: str = "") -> str:
    return f"/v1/approvals/{quote(approval_id, safe='')}{act}"


def _names_of(decision: Decision | str) -> tuple[str, str, str]:
    """(decision id, payment id, attempt); the latter two are empty when only the id is given."""
    if isinstance(decision, str):
        return decision, "", ""
    return decision.id, decision.payment_id, decision.attempt
