"""What a back-test runs over: payments, what windows see, lists as they stood, labels, records.

Guards: one form for a mapped file and for the log, so that everything behind it is written once.
`stream` holds every observation in order with the labels where they became effective; `marks` hold
what was known at the end of the data and is used to judge only, never to decide.
Shapes: n payments in order of decision. Not done here: making it (`file_material.py`,
`log_material.py`), running (`running.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from paywarden.lab.tables import PaymentTable
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filters import FilterSet

Block = tuple[ObservationColumns, npt.NDArray[np.bool_]]


class Stream(Protocol):
    """Observations in order; each block says which of its rows are payments to read at."""

    @property
    def digest(self) -> str:
        """Names the content: equal digests give equal windows."""
        ...

    def blocks(self, plan: WindowPlan, filters: FilterSet) -> Iterator[Block]:
        """All observations from the first on, as far as a plan with its filters reads them."""
        ...


class ListTimeline(Protocol):
    """The lists, as they stood when each payment was decided."""

    @property
    def cuts(self) -> Sequence[int]:
        """Positions of payments before which membership changes, ascending."""
        ...

    @property
    def names(self) -> Collection[str]:
        """Every list that ever held anything."""
        ...

    def at(self, position: int) -> Mapping[str, Any]:
        """Members by list name for payments from `position` to the next cut."""
        ...

    def digest(self, name: str) -> str:
        """Names the whole history of one list."""
        ...


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the log says was decided: of every payment, [n].

    `rulesets`: names; `ruleset`: index into it. `forced`: outcome forced by a test value, -1 none.
    `skipped`: stages that gave no opinion, by position of the payment.
    `aggregates`: window values as they were read, in the plan order of the payment's ruleset.
    `erased`: a person of the payment was erased, so that it cannot be decided again. `modelled`: a
    model took part. A payment that the control group let pass stands as what it would have been.
    """

    rulesets: tuple[str, ...]
    ruleset: npt.NDArray[np.int32]
    outcome: npt.NDArray[np.int8]
    points: npt.NDArray[np.int64]
    forced: npt.NDArray[np.int8]
    skipped: Mapping[int, tuple[str, ...]]
    fired: Sequence[tuple[int, ...]]
    aggregates: Sequence[tuple[Any, ...]]
    sequences: npt.NDArray[np.int64]
    erased: npt.NDArray[np.bool_]
    modelled: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Material:
    """A back-test's payments.

    `marks`: 1 fraud, 0 genuine, -1 unknown. `ids`: what a sample names a payment by.
    `amount_minor`: value in `currency`, with `valued` where there is one. `customer`: number of the
    payment's customer. `history_start_us`: since when windows are whole. `label_delay_us`: delay of
    labels of a file, None for recorded ones, which count from receipt. `probability`: the
    model's as recorded, NaN where it said nothing; None where no model took part; `anomaly`: the
    same of its anomaly score.
    """

    source: str
    digest: str
    table: PaymentTable
    stream: Stream
    marks: npt.NDArray[np.int8]
    ids: Sequence[str]
    amount_minor: npt.NDArray[np.int64]
    valued: npt.NDArray[np.bool_]
    currency: str
    customer: npt.NDArray[np.int64]
    history_start_us: int
    label_delay_us: int | None = None
    recorded: Recorded | None = None
    probability: npt.NDArray[np.float64] | None = None
    anomaly: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.marks)
