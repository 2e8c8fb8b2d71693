"""When a list in force has not been confirmed for too long, or waits for a person.

Guards: a fetch that quietly stopped rings. Age counts from the last time the publisher gave the
list in force, the same or a new one; a list that is old but confirmed daily is not stale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from paywarden.aml.screening.snapshots.model import Manifest, SourceState
from paywarden.core.instants import DAY_US
from paywarden.reference.provenance import Alarm

MAX_AGE_DAYS: Final = 3
"""Lists are published on working days; a long week-end is the longest innocent gap."""


def alarms(
    states: Iterable[tuple[SourceState, Manifest | None]],
    now_us: int,
    max_age_days: Mapping[str, int] | None = None,
    default_days: int = MAX_AGE_DAYS,
) -> Iterator[Alarm]:
    """Alarms of all sources; `max_age_days` by source."""
    for state, manifest in states:
        days = (max_age_days or {}).get(state.source, default_days)
        yield from _of(state, manifest, now_us, days)


def _of(state: SourceState, manifest: Manifest | None, now_us: int, days: int) -> Iterator[Alarm]:
    if manifest is None:
        yield Alarm(state.source, "list_absent", "no list is in force")
    elif now_us - state.confirmed_at_us > days * DAY_US:
        age = (now_us - state.confirmed_at_us) // DAY_US
        yield Alarm(state.source, "list_stale", f"last confirmed {age} days ago, at most {days}")
    if state.waiting is not None:
        yield Alarm(state.source, "list_waits", state.waiting_why)
    if state.acts and state.acts[-1].act == "refused":
        yield Alarm(state.source, "list_refused", state.acts[-1].detail)
