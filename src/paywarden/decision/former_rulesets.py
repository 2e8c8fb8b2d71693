"""Which rulesets may decide again by a rollback: those that did so within the last 30 days.

Guards: a rollback needs less than a publication, since its ruleset was published by others' word
and held against real payments; so it must have decided here not long ago, and where a model is
named, with this model beside it. What decided when is read from the log. Older ones are published
anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from paywarden.core.errors import Conflict
from paywarden.core.instants import DAY_US
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.approved_payloads import Rollback
from paywarden.decision.decider import Decider
from paywarden.decision.ledger import Ledger

RECENT_DAYS: Final = 30
SWITCHES_LIMIT: Final = 200


def rollback_to(ledger: Ledger, scope: Scope, ruleset: str, model: str | None) -> Rollback:
    """What to ask for so that a ruleset decides again, with `model` beside it if one is named.

    Errors: Conflict `ruleset_not_former`.
    """
    live = _live(ledger, scope)
    since_us = ledger.clock.now_us() - RECENT_DAYS * DAY_US
    if model is None:
        replaces, former = live.ruleset, ruleset != live.ruleset
        former = former and any(one.ruleset == ruleset for one in _decided(ledger, scope, since_us))
    else:
        replaces, wanted = str(live), Decider(ruleset, model)
        former = wanted != live and wanted in _decided(ledger, scope, since_us)
    if former:
        return Rollback(replaces, ruleset, model)
    raise Conflict(
        "ruleset_not_former",
        f"it decides now, or did not within the last {RECENT_DAYS} days: publish it instead",
    )


def decider_after(ledger: Ledger, scope: Scope, wanted: Rollback) -> Decider:
    """What decides once a rollback is done.

    Errors: Conflict `ruleset_not_former`; `ruleset_moved_on` when it was asked against another one.
    """
    if rollback_to(ledger, scope, wanted.ruleset, wanted.model) != wanted:
        raise Conflict("ruleset_moved_on", "something else decides than when it was asked")
    kept = _live(ledger, scope).model if wanted.model is None else wanted.model
    return Decider(wanted.ruleset, kept)


def _live(ledger: Ledger, scope: Scope) -> Decider:
    return ledger.ready(scope).decider or Decider("")


def _decided(ledger: Ledger, scope: Scope, since_us: int) -> Iterator[Decider]:
    """What decided at any instant since, newest first."""
    for seq in ledger.stores.records.policy_switches(scope, SWITCHES_LIMIT):
        for entry in ledger.stores.journal.read(scope, seq, 1):
            yield entries.decode(entry.kind, entry.body).decider
            if entry.at_us < since_us:
                return  # it decided at `since_us`; what stood before it had ended by then
