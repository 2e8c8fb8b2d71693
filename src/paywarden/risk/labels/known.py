"""What was known when: the labels that stood at an instant, for training and back-tests.

Guards: a reader at time T sees the labels that had come by T and stood then, not those that came
or were withdrawn later; nothing leaks from the future. Every label observation states what stands
after it (`model.py`), so the last one of an attempt up to T decides, and OUTRANKED says nothing.
Input: observation columns of one scope in log order (tenant and environment are those of the
columns). Shapes: m attempts that have a label. Not done here: reading the log (`decision.history`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.labels.model import FRAUD, GENUINE, SOURCES, WITHDRAWN

KIND = OBSERVED_INDEX["event.kind"]
VERDICT = OBSERVED_INDEX["event.verdict"]
SOURCE = OBSERVED_INDEX["event.source"]
IS_FRAUD, IS_GENUINE, UNKNOWN = 1, 0, -1
_NOTHING = -2
_MARKS = {FRAUD: IS_FRAUD, GENUINE: IS_GENUINE, WITHDRAWN: UNKNOWN}


@dataclass(frozen=True, slots=True)
class KnownLabels:
    """Labels that stood at `at_us`, by attempt.

    `identity` [m] uint64, rising: digest of the attempt as observations carry it. `mark` [m] int8:
    1 fraud, 0 genuine. `since_us` [m]: when it came to stand. `source` [m] int8: place in
    `risk.labels.model.SOURCES`, -1 for one that did not say.
    """

    at_us: int
    identity: npt.NDArray[np.uint64]
    mark: npt.NDArray[np.int8]
    since_us: npt.NDArray[np.int64]
    source: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.identity)

    def of(self, identity: npt.NDArray[np.uint64]) -> npt.NDArray[np.int8]:
        """Marks of attempts, same shape: 1 fraud, 0 genuine, -1 not known at that time."""
        if not len(self):
            return np.full(identity.shape, UNKNOWN, np.int8)
        places = np.minimum(np.searchsorted(self.identity, identity), len(self) - 1)
        return np.where(self.identity[places] == identity, self.mark[places], np.int8(UNKNOWN))


def known_at(chunks: Iterable[ObservationColumns], at_us: int) -> KnownLabels:
    """The labels that stood at `at_us`, from all observations of a scope in log order."""
    parts = [part for chunk in chunks if (part := _labels(chunk, at_us)) is not None]
    if not parts:
        none = np.zeros(0, np.int8)
        return KnownLabels(at_us, np.zeros(0, np.uint64), none, np.zeros(0, np.int64), none)
    identity, mark, since, source = (np.concatenate(column) for column in zip(*parts, strict=True))
    # The last of each attempt: the first one of the reversed order.
    identity, first = np.unique(identity[::-1], return_index=True)
    last = len(mark) - 1 - first
    standing = mark[last] != UNKNOWN
    chosen = last[standing]
    return KnownLabels(at_us, identity[standing], mark[chosen], since[chosen], source[chosen])


_Part = tuple[
    npt.NDArray[np.uint64], npt.NDArray[np.int8], npt.NDArray[np.int64], npt.NDArray[np.int8]
]


def _labels(chunk: ObservationColumns, at_us: int) -> _Part | None:
    names = {text: number for number, text in enumerate(chunk.symbols)}
    if "label" not in names:
        return None
    marks = np.full(len(names) + 1, _NOTHING, np.int8)
    for word, number in _MARKS.items():
        if word in names:
            marks[names[word]] = number
    sources = np.full(len(names) + 1, -1, np.int8)
    for place, word in enumerate(SOURCES):
        if word in names:
            sources[names[word]] = place
    mark = marks[chunk.values[VERDICT]]
    chosen = (chunk.values[KIND] == names["label"]) & (mark != _NOTHING) & (chunk.t_us <= at_us)
    if not chosen.any():
        return None
    return (
        chunk.identity[chosen], mark[chosen], chunk.s_us[chosen],
        sources[chunk.values[SOURCE]][chosen],
    )  # fmt: skip
