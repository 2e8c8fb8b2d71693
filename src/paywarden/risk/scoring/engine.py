"""What turns a row of inputs into a raw score, and says which inputs moved it.

Guards: one form for trees of ours and for models of others, so that inputs, deadline, calibration
and reasons are written once (`scorer.py`). An engine serves many threads.
Shapes: k inputs. Not done here: calibration, and which model serves.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from paywarden.risk.scoring.forest import read_forest
from paywarden.risk.scoring.native import SingleRow

Array = npt.NDArray[np.float64]


class Engine(Protocol):
    """`base`: what a payment gets of which nothing is known, in units of the attribution.

    `exact_method`: name of the method of `exact`.
    """

    base: float
    exact_method: str

    def output(self, row: array[float]) -> float:
        """Raw output for a row of float32, of type `f`."""
        ...

    def attribution(self, row: array[float]) -> Array:
        """How far each input moved it, [k], as quickly as a payment can wait for."""
        ...

    def exact(self, row: array[float]) -> tuple[Array, float]:
        """The same by the best method there is, [k], and its base; for when nobody waits."""
        ...


class TreesEngine:
    """Trees as LightGBM writes them; attributions are exact sums of log odds (or path lengths)."""

    exact_method = "tree_shap"

    def __init__(self, text: str, names: Sequence[str], trees: int) -> None:
        """Errors: InvalidRequest `model_invalid`; Unavailable `lightgbm_missing`."""
        self._text, self._width, self._trees = text, len(names), trees
        self._forest = read_forest(text, names)
        self.base = self._forest.base
        self._local = threading.local()
        self._handle()

    def _handle(self) -> SingleRow:
        found: SingleRow | None = getattr(self._local, "handle", None)
        if found is None:
            found = self._local.handle = SingleRow(self._text, self._width, self._trees)
        return found

    def output(self, row: array[float]) -> float:
        """LightGBM's own answer."""
        return self._handle().output(row)

    def attribution(self, row: array[float]) -> Array:
        """Path attribution."""
        return self._forest.attribution(self._handle().leaves(row))

    def exact(self, row: array[float]) -> tuple[Array, float]:
        """TreeSHAP."""
        found = self._handle().contributions(row)
        return found[:-1], float(found[-1])
