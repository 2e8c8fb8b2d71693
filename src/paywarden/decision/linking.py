"""Links in deciding: when a scope keeps them, and what a payment's record holds of them.

Guards: links are a fold over the same observations as windows and depend on no ruleset, so one
store serves both arms of a trial. They are kept while the live ruleset, the model beside it or the
candidate of a trial reads any `link.*`; where nobody reads them they cost nothing and a record
holds none. What begins to read them has them from the whole log at once. Values are read before
the payment is counted and stand in its record among its derived fields; a continuation has those
of the payment that it continues. Not done here: the store (`risk.links`), the back-fill
(`policy_desk`), the rebuild (`start`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.trial import Trial
from paywarden.risk.features.catalogue import LINK_FIELDS
from paywarden.risk.features.observation import Observation
from paywarden.risk.links.store import Links

PREFIX = "link."
_NAMES = tuple((path, path.removeprefix(PREFIX)) for path in LINK_FIELDS)


def wanted(runtime: PolicyRuntime | None, trial: Trial | None) -> bool:
    """Whether a scope with these rulesets keeps links."""
    both = (runtime, trial.runtime if trial is not None else None)
    return any(one is not None and one.reads_links for one in both)


def link_fields(links: Links | None, seen: Observation) -> dict[str, int]:
    """What is known of a payment's entities before it is counted, by path; {} without links."""
    if links is None:
        return {}
    found = links.read(seen.keys, seen.t_us)
    return {path: getattr(found, name) for path, name in _NAMES}


def link_fields_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a payment's fields that say what links knew."""
    return {path: fields[path] for path in LINK_FIELDS if path in fields}
