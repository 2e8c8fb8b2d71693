"""What changed between two readings of a source, and whether a person has to look first.

Guards: a list that lost a tenth of its entries (a broken export, a wrong file), that may be cut off
or is older than the one in force does not replace it by itself. What a publisher's file always
lacks (an end mark) is asked about once. Entries are compared by id and content hash, so order,
format and spelling of the file play no part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.snapshots.model import Delta, Manifest

SHRINK_SHARE: Final = 0.1
"""Share of the entries in force that may not be gone without approval (this much or more)."""


def compare(before: Iterable[ListedEntity], after: Iterable[ListedEntity]) -> Delta:
    """Added, changed and removed, each in order of id."""
    old = {one.id: one.content_hash for one in before}
    new = {one.id: one for one in after}
    return Delta(
        added=tuple(new[one] for one in sorted(new.keys() - old.keys())),
        changed=tuple(
            new[one] for one in sorted(new.keys() & old.keys()) if new[one].content_hash != old[one]
        ),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


def doubts(
    before: Manifest | None, after: Manifest, delta: Delta, former: Collection[str] = ()
) -> tuple[str, ...]:
    """Why a person has to approve; empty when the list may replace the one in force."""
    known = () if before is None else before.notes
    found = [note for note in after.notes if "cut off" in note and note not in known]
    if before is None:
        return tuple(found)
    gone = len(delta.removed)
    if gone and gone >= before.entities * SHRINK_SHARE:
        found.append(f"{gone} of {before.entities} entries are gone")
    if after.id in former:
        found.append("it was in force before and was replaced since")
    if before.list_date and after.list_date and after.list_date < before.list_date:
        found.append(f"it is of {after.list_date}, the one in force of {before.list_date}")
    return tuple(found)
