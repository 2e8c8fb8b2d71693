"""Days of a file: warming up, training, validation, test; each later than the one before.

Guards: nothing is trained, tuned or set on a day that is judged, and no label is used before it is
known: training and validation end `delay` before the first test day. Windows need history, so the
first days only fill them. Shapes: n payments in order of time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US

Bools = npt.NDArray[np.bool_]
WARM_SHARE, WARM_DAYS = 0.2, 28
VALIDATION_SHARE, VALIDATION_DAYS = 0.15, 14
TEST_SHARE, TEST_DAYS = 0.2, 21


@dataclass(frozen=True, slots=True)
class Split:
    """Instants in microseconds: training from `train_us`, validation from `validation_us`
    up to `known_us` (labels known when the test begins), test from `test_us` up to `end_us`."""

    train_us: int
    validation_us: int
    known_us: int
    test_us: int
    end_us: int

    def training(self, time_us: npt.NDArray[np.int64]) -> Bools:
        """Payments of the training days, [n]."""
        return (time_us >= self.train_us) & (time_us < self.validation_us)

    def validation(self, time_us: npt.NDArray[np.int64]) -> Bools:
        """Payments of the validation days, [n]."""
        return (time_us >= self.validation_us) & (time_us < self.known_us)

    def test(self, time_us: npt.NDArray[np.int64]) -> Bools:
        """Payments of the test days, [n]."""
        return (time_us >= self.test_us) & (time_us < self.end_us)

    def document(self) -> dict[str, str]:
        """Days as texts (UTC)."""
        return {
            name.removesuffix("_us"): str(np.datetime64(getattr(self, name), "us"))
            for name in self.__slots__
        }


def split_days(
    time_us: npt.NDArray[np.int64],
    delay_us: int,
    *,
    test_days: int | None = None,
    validation_days: int | None = None,
    train_days: int | None = None,
) -> Split:
    """Split whole UTC days. Errors: InvalidRequest `too_few_days` that says what is missing."""
    first = int(time_us[0]) // DAY_US
    last = int(time_us[-1]) // DAY_US + 1
    span = last - first
    test = _days(test_days, TEST_SHARE, TEST_DAYS, span)
    validation = _days(validation_days, VALIDATION_SHARE, VALIDATION_DAYS, span)
    test_from = last - test
    known_us = test_from * DAY_US - delay_us
    validation_us = (known_us // DAY_US - validation) * DAY_US
    earliest = first + min(WARM_DAYS, int(WARM_SHARE * span))
    train = earliest
    if train_days is not None:
        train = max(first, validation_us // DAY_US - train_days)
    if train * DAY_US >= validation_us:
        detail = (
            f"{span} days do not hold {test} of test, {delay_us / DAY_US:g} of delay, {validation} "
            "of validation, and training before them; give a longer file or fewer days"
        )
        raise InvalidRequest("too_few_days", detail)
    return Split(train * DAY_US, validation_us, known_us, test_from * DAY_US, last * DAY_US)


def _days(asked: int | None, share: float, most: int, span: int) -> int:
    return asked if asked is not None else max(1, min(most, int(share * span)))
