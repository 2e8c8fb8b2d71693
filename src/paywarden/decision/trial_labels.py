"""What labels say of payments that both rulesets of a trial saw.

Guards: a label counts once; a later label of the same payment takes the earlier one back first, as
windows do. Only payments of this very trial count: the other ruleset's opinion stands in their
record.
"""

from __future__ import annotations

from paywarden.core.scope import Scope
from paywarden.decision.entries import EventEntry, PaymentEntry
from paywarden.decision.ledger import Ledger
from paywarden.decision.stored_fields import one
from paywarden.decision.trial import Trial
from paywarden.risk.features.observation import Observation


def count_label(
    ledger: Ledger, scope: Scope, trial: Trial, attempt: Observation, verdict: str, retracts: int
) -> None:
    """Count a label of a decided attempt; `retracts` is the seq of the label that stood, or 0."""
    body = ledger.staged_body(scope, attempt.seq)
    if not isinstance(body, PaymentEntry) or body.other is None or attempt.seq <= trial.seq:
        return
    candidate = trial.runtime.decider
    if candidate == body.decider:
        live, tried = body.other.outcome, body.result.outcome
    elif candidate == body.other.decider:
        live, tried = body.result.outcome, body.other.outcome
    else:
        return
    earlier = ledger.staged_body(scope, retracts) if retracts else None
    if isinstance(earlier, EventEntry) and retracts > trial.seq:
        trial.tally.label(live, tried, str(one(earlier.clear, "event.verdict")), -1)
    trial.tally.label(live, tried, verdict)
