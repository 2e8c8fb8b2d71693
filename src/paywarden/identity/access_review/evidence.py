"""The document of a closed review: what was found, who judged it how, and what became of it.

Guards: made once, at the closing, and kept as it is; its SHA-256 stands in the audit log's leaf of
the closing, so that whoever holds both can tell that nothing was changed since. People stand there
by id: names are not evidence and would outlive an erasure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from paywarden.core.instants import format_rfc3339
from paywarden.identity.access_review.model import Item, Review, Snapshot, counts_of
from paywarden.identity.access_review.ports import Deeds

FORM: Final = "paywarden.access-review.v1"


def document(
    review: Review, items: Sequence[Item], statement: str, deeds: Mapping[int, Deeds]
) -> bytes:
    """Canonical JSON of a review that is being closed; `deeds` by number of an item."""
    made = {
        "form": FORM,
        "id": review.review.text,
        "tenant": review.scope.tenant,
        "environment": review.scope.environment.value,
        "occasion": review.occasion.value,
        "covers": sorted(review.covers),
        "opened_by": review.opened_by,
        "opened_at": format_rfc3339(review.opened_at_us),
        "due_at": format_rfc3339(review.due_at_us),
        "closed_by": review.closed_by,
        "closed_at": instant(review.closed_at_us),
        "late": (review.closed_at_us or 0) > review.due_at_us,
        "statement": statement,
        "snapshot_sha256": review.snapshot_sha256.hex(),
        "counts": dict(counts_of(items)),
        "items": [_item(one, deeds.get(one.number)) for one in items],
    }
    return msgspec.json.encode(made, order="sorted")


def found_view(found: Snapshot) -> dict[str, Any]:
    """A snapshot with its instants as text; what is not known is left out."""
    told = {k: v for k, v in msgspec.to_builtins(found).items() if not k.endswith("_us")}
    told["may_not_judge"] = told.pop("excluded")
    for name in ("since", "expires_at", "last_used"):
        at = getattr(found, f"{name}_us")
        if at is not None:
            told[name if name == "expires_at" else f"{name}_at"] = format_rfc3339(at)
    return told


def instant(at_us: int | None) -> str | None:
    """RFC 3339 text of an instant that may be missing."""
    return None if at_us is None else format_rfc3339(at_us)


def _item(one: Item, deeds: Deeds | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "number": one.number,
        "found": found_view(one.found),
        "verdict": None if one.verdict is None else one.verdict.value,
        "decided_by": one.decided_by,
        "decided_at": instant(one.decided_at_us),
        "reason": one.reason,
        "approval": one.approval,
        "revoked_at": instant(one.done_at_us),
        "seconded_by": one.seconded_by,
    }
    if deeds is not None:
        said["deeds"] = deeds_view(deeds)
    return said


def deeds_view(deeds: Deeds) -> dict[str, Any]:
    """What was done while the sealed role was open, and between which leaves it stands."""
    return {
        "first_leaf": deeds.first,
        "last_leaf": deeds.last,
        "events": sum(deeds.by_action.values()),
        "by_action": dict(deeds.by_action),
    }
