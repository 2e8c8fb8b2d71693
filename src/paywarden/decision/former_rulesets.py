"""Which rulesets may decide again by a rollback: those that did so within the last 30 days.

Guards: a rollback needs less than a publication, since its ruleset was published by others' word
and held against real payments; so it must have decided here not long ago. What decided when is read
from the log. Older ones are published anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from paywarden.core.errors import Conflict
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.ledger import Ledger

RECENT_DAYS: Final = 30
SWITCHES_LIMIT: Final = 200


def require_former(ledger: Ledger, scope: Scope, ruleset: str) -> None:
    """Pass for a ruleset that may be rolled back to. Errors: Conflict `ruleset_not_former`."""
    since = ledger.clock.now_us() - RECENT_DAYS * DAY_US
    if ruleset != ledger.ready(scope).ruleset and ruleset in _decided(ledger, scope, since):
        return
    raise Conflict(
        "ruleset_not_former",
        f"it decides now, or did not within the last {RECENT_DAYS} days: publish it instead",
    )


def _decided(ledger: Ledger, scope: Scope, since_us: int) -> Iterator[str]:
    """What decided at any instant since, newest first."""
    for seq in ledger.stores.records.policy_switches(scope, SWITCHES_LIMIT):
        for entry in ledger.stores.journal.read(scope, seq, 1):
            yield entries.decode(entry.kind, entry.body).ruleset
            if entry.at_us < since_us:
                return  # it decided at `since_us`; what stood before it had ended by then
