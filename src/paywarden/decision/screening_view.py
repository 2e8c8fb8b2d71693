"""How an operator sees the screening of a payment: lists, hits, why, and what people judged.

Guards: only operators with `decisions:explain` come here; a merchant's view has none of it. Names
of the payment are shown by their initials, as everywhere; listed names are public and shown whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from paywarden.aml.screening.serving.opinion import Hit
from paywarden.core.scope import Scope
from paywarden.decision.built_in import built_in_rows
from paywarden.decision.entries import ScreeningLists, ScreeningRecord
from paywarden.risk.features.catalogue import SCREENING_FIELDS
from paywarden.risk.rules.model import Policy

ListsAt = Callable[[Scope, int], Any]
"""The body of a log entry, None when it is not there."""


def screening_view(
    record: ScreeningRecord | None,
    fields: Mapping[str, Any],
    hits: Sequence[Hit],
    lists: Any,
    policy: Policy | None,
) -> dict[str, Any] | None:
    """Plain data; None where neither screening nor the travel rule had anything to look at."""
    said = {path: fields[path] for path in SCREENING_FIELDS if path in fields}
    if record is None and not said:
        return None
    rows = () if policy is None else built_in_rows(policy.screening, policy.travel_rule, fields)
    return {
        "fields": said,
        "rows": [
            {"id": row.id, "outcome": row.outcome.word if row.outcome is not None else None}
            for row in rows
        ],
        "lists_log_sequence": record.lists_seq if record is not None else None,
        "lists": _lists(lists),
        "hits": [hit_view(hit) for hit in hits],
        "set_aside": record.excepted if record is not None else 0,
        "took_us": record.took_us if record is not None else None,
    }


def hit_view(hit: Hit) -> dict[str, Any]:
    """One hit."""
    found = hit.found
    return {
        "role": hit.role,
        "list": found.source,
        "entry": found.entry,
        "schema": found.schema,
        "listed_name": found.name,
        "programs": list(found.programs),
        "score": found.score,
        "why": found.why,
        "features": [
            {"feature": name, "value": value, "contribution": added}
            for name, value, added in found.features
        ],
        "politically_exposed": found.pep,
        "equal_identifier": found.identified,
        "judged": hit.word or None,
        "verdict": hit.verdict or None,
    }


def _lists(lists: Any) -> list[dict[str, Any]] | None:
    if not isinstance(lists, ScreeningLists):
        return None
    return [
        {"source": one.source, "snapshot": one.snapshot, "list_date": one.list_date,
         "entities": one.entities}
        for one in lists.lists
    ]  # fmt: skip
