"""Numbers that people can read: thresholds on a coarse grid around the quantiles of values.

Guards: whole numbers up to SMALL stay as they are; above, one of ten steps a power of ten. `real`
says that a quantity is a double, which conditions write with a point.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_GRID = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
SMALL = 20


def thresholds_of(values: npt.NDArray[np.float64], real: bool) -> list[float]:
    """Readable thresholds around the quantiles of `values`, rising."""
    if not len(values):
        return []
    marks = np.quantile(values, [0.02, 0.05, *np.linspace(0.1, 0.9, 9), 0.95, 0.98, 0.995])
    found = {near for mark in np.unique(marks) for near in readable(float(mark), real)}
    return sorted(found)


def readable(value: float, real: bool) -> tuple[float, float]:
    """The readable numbers not above and not below a value.

    >>> readable(217.0, False)
    (200.0, 250.0)
    """
    if value <= 0:
        return (0.0, 0.0)
    if not real and value <= SMALL:
        return (float(math.floor(value)), float(math.ceil(value)))
    power = 10.0 ** math.floor(math.log10(value))
    steps = [step * power for step in (*_GRID, 10.0)]
    if not real:
        steps = [float(round(step)) for step in steps]
    steps = [float(f"{step:.6g}") for step in steps]
    low = max((step for step in steps if step <= value), default=steps[0])
    return low, min((step for step in steps if step >= value), default=steps[-1])


def literal(number: float, real: bool) -> str:
    """A threshold as rules write it."""
    if not real:
        return str(round(number))
    text = f"{number:.6g}"
    return text if any(mark in text for mark in ".e") else f"{text}.0"
