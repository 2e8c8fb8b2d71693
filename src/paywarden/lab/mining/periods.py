"""Which payments teach and which judge: never the same days, never what was not known yet.

From labels: the last days of the file judge. The days before them teach, but for the labels that
had not arrived when they began (the mapping's delay). The file's first days warm the windows up.
From a burst: the first three fifths of the burst against the history before it teach; the rest of
the burst against the last third of that history judges. No label is read; a payment of the burst is
wanted as far as there are more like it than history leads to expect.
Guards: history is drawn evenly over all hours, so that the share of it that a draft matches is the
share of honest payments that it will hurt when the burst is over; each kept payment stands for as
many as would have been expected in the time of the burst, at its hours of the day.
Shapes: n payments in order of time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US, HOUR_US, format_rfc3339
from paywarden.lab.labels import FRAUD, GENUINE
from paywarden.lab.mining.request import MineRequest

Ints = npt.NDArray[np.int64]
MAX_TARGETS = 40_000
MAX_OTHERS = 200_000
MAX_JUDGED = 400_000
LEAST_TARGETS = 20
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Part:
    """Payments that teach, or that judge. `target`: bool per row. `rows`: positions, ascending.

    `weight`: how many payments each row that is no target stands for; `target_weight` likewise.
    """

    rows: Ints
    target: npt.NDArray[np.bool_]
    weight: float
    target_weight: float
    from_us: int
    to_us: int

    def as_dict(self) -> dict[str, object]:
        """For the report: times, rows, shares that were kept."""
        return {
            "from": format_rfc3339(self.from_us),
            "to": format_rfc3339(self.to_us),
            "payments": len(self.rows),
            "targets": int(self.target.sum()),
            "each_other_payment_stands_for": round(self.weight, 6),
            "each_target_stands_for": round(self.target_weight, 6),
        }


@dataclass(frozen=True, slots=True)
class Periods:
    """The two parts, and how long a window may be to be whole in both."""

    mined: Part
    judged: Part
    longest_window_us: int


def periods_of(
    request: MineRequest,
    time_us: Ints,
    marks: npt.NDArray[np.int8],
    delay_us: int,
    random: np.random.Generator,
) -> Periods:
    """Parts of a file. Errors: InvalidRequest `mining_*` when there is too little to mine."""
    if request.burst is not None:
        return _of_burst(request.burst, time_us, random)
    start, end = int(time_us[0]), int(time_us[-1]) + 1
    cut = end - max(int((end - start) * request.holdout_share), 1)
    warm = start + (cut - start) // 4
    known = (time_us >= warm) & (time_us < cut - delay_us) & (marks >= GENUINE)
    judged = (time_us >= cut) & (marks >= GENUINE)
    mined_part = _labelled(np.flatnonzero(known), marks, warm, cut - delay_us, random)
    judged_part = _drawn(np.flatnonzero(judged), marks == FRAUD, cut, end, random)
    return Periods(_enough(mined_part), judged_part, warm - start)


def _enough(part: Part) -> Part:
    found = int(part.target.sum())
    if found < LEAST_TARGETS:
        detail = f"{found} payments to learn from, {LEAST_TARGETS} are needed; give more days"
        raise InvalidRequest("mining_too_few", detail)
    return part


def _labelled(
    rows: Ints, marks: npt.NDArray[np.int8], start: int, end: int, random: np.random.Generator
) -> Part:
    fraud, genuine = rows[marks[rows] == FRAUD], rows[marks[rows] == GENUINE]
    kept, target_weight = _sample(fraud, MAX_TARGETS, random)
    others, weight = _sample(genuine, MAX_OTHERS, random)
    return _part(kept, others, weight, target_weight, start, end)


def _drawn(
    rows: Ints, target: npt.NDArray[np.bool_], start: int, end: int, random: np.random.Generator
) -> Part:
    """A part with all its targets, and as many others as MAX_JUDGED allows."""
    targets, others = rows[target[rows]], rows[~target[rows]]
    kept, weight = _sample(others, MAX_JUDGED, random)
    return _part(targets, kept, weight, 1.0, start, end)


def _part(
    targets: Ints, others: Ints, weight: float, target_weight: float, start: int, end: int
) -> Part:
    rows = np.concatenate([targets, others])
    order = np.argsort(rows, kind="stable")
    flags = np.zeros(len(rows), np.bool_)
    flags[: len(targets)] = True
    return Part(rows[order], flags[order], weight, target_weight, start, end)


def _sample(rows: Ints, most: int, random: np.random.Generator) -> tuple[Ints, float]:
    if len(rows) <= most:
        return rows, 1.0
    return np.sort(random.choice(rows, most, replace=False)), len(rows) / most


# --- bursts --------------------------------------------------------------------------------


def _of_burst(burst: tuple[int, int], time_us: Ints, random: np.random.Generator) -> Periods:
    begin, end = burst
    start = int(time_us[0])
    if begin - start < HOUR_US:
        detail = "the burst begins with the file; it needs at least an hour of history before it"
        raise InvalidRequest("mining_no_history", detail)
    middle = begin + (end - begin) * 3 // 5
    turn = begin - (begin - start) // 3
    warm = start + (turn - start) // 4
    mined = _contrast(time_us, (begin, middle), (warm, turn), random)
    judged = _contrast(time_us, (middle, end), (turn, begin), random)
    return Periods(_enough(mined), judged, warm - start)


def _contrast(
    time_us: Ints, burst: tuple[int, int], history: tuple[int, int], random: np.random.Generator
) -> Part:
    """Payments of a piece of the burst, and history drawn as it is expected in that piece."""
    first, last = np.searchsorted(time_us, burst)
    targets, target_weight = _sample(np.arange(first, last), MAX_TARGETS, random)
    low, high = np.searchsorted(time_us, history)
    rows = np.arange(low, high)
    seen = np.bincount(_hour_of(time_us[rows]), minlength=_HOURS)
    expected = float(seen @ (_hours(*burst) / np.maximum(_hours(*history), 1e-9)))
    kept, _ = _sample(rows, MAX_OTHERS, random)
    return _part(targets, kept, expected / max(len(kept), 1), target_weight, *burst)


def _hour_of(time_us: Ints) -> Ints:
    return np.asarray(time_us % DAY_US // HOUR_US)


def _hours(start: int, end: int) -> npt.NDArray[np.float64]:
    """Time between two instants that falls into each hour of the day, in hours. [24]"""
    found = np.full(_HOURS, (end - start) // DAY_US, np.float64)
    rest = start + (end - start) // DAY_US * DAY_US
    while rest < end:
        step = min(end, (rest // HOUR_US + 1) * HOUR_US)
        found[rest % DAY_US // HOUR_US] += (step - rest) / HOUR_US
        rest = step
    return found
