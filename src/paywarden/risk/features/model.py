"""Aggregates as a policy declares them: frozen values, checked on construction by the reader.

Semantics (RULES.md, "Aggregates"): an event at s counts at t when t - window < s <= t; equal times
are ordered by log sequence; empty count and sum are 0, every other empty aggregate is absent.
Windows up to 90 d are exact; with `resolution: 1d` up to 400 d they count whole UTC days: the day
of t and the (N - 1) days before it; `all` runs over the whole log.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.core.instants import DAY_US

SECOND_US = 1_000_000
EXACT_LIMIT_US = 90 * DAY_US
DAY_LIMIT_DAYS = 400
FUNCTIONS = (
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "stddev",
    "distinct",
    "first",
    "last",
    "since_first",
    "since_last",
)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A named window.

    `of`: observed path or None (count, since_*). `by`: one to three key kinds.
    `window_us`: length in microseconds, or None for `all`. `daily`: resolution of one day.
    `where`: index-free text of the filter in canonical form, or None; equal texts share one mask.
    `exclude_current`: the present payment does not count. `since_*` give whole seconds (int).
    """

    name: str
    function: str
    of: str | None
    by: tuple[str, ...]
    window_us: int | None
    daily: bool
    where: str | None
    exclude_current: bool
