"""What labels say of payments that both rulesets of a trial saw.

Guards: what stands counts once (`risk.labels.model`); a label that changes it takes the earlier one
back first, as windows do, and one that is outranked changes nothing. Only payments of this very
trial count: the other ruleset's opinion stands in their record.
"""

from __future__ import annotations

from paywarden.core.scope import Scope
from paywarden.decision.entries import EventEntry, PaymentEntry
from paywarden.decision.ledger import Ledger
from paywarden.decision.trial import Trial
from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.model import OUTRANKED, Effect

_VERDICT = OBSERVED_INDEX["event.verdict"]


def count_label(
    ledger: Ledger, scope: Scope, trial: Trial, attempt: Observation, effect: Effect
) -> None:
    """Count what a label of a decided attempt changes of what stands."""
    if effect.verdict == OUTRANKED:
        return
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
    earlier = ledger.staged_body(scope, effect.retracts) if effect.retracts else None
    if isinstance(earlier, EventEntry) and effect.retracts > trial.seq:
        trial.tally.label(live, tried, str(earlier.observation.values[_VERDICT]), -1)
    trial.tally.label(live, tried, effect.verdict)
