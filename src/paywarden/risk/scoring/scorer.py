"""A model in service: a vector in, a calibrated probability with its reasons out.

Guards: the same inputs as in training, by generated code (`inputs_online.py`); the same score as
LightGBM gives, by its C interface; reasons from the same trees. A model that is over its deadline
is skipped and says so; the payment is decided without it. One scorer serves many threads; each has
a handle of its own. Windows that the model reads must be in the vector: `windows` names them.
Order: deadline, inputs, score, deadline, probability; reasons only where they will be read.
Not done here: thresholds into outcomes (`paywarden.decision.combine`), which model serves whom.
"""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.model import Aggregate
from paywarden.risk.scoring.artefact import Artefact
from paywarden.risk.scoring.forest import read_forest
from paywarden.risk.scoring.inputs_online import InputRow
from paywarden.risk.scoring.native import SingleRow
from paywarden.risk.scoring.reasons import Reason, top_reasons
from paywarden.risk.scoring.recipe import compile_inputs

LATE = "model_late"
"""Word by which a skipped model is named in a decision."""


@dataclass(frozen=True, slots=True)
class Score:
    """`probability`: calibrated, None when skipped. `skipped`: why. `row`: the inputs, float32."""

    probability: float | None
    raw: float | None
    row: array[float] | None
    skipped: str | None = None


class Scorer:
    """Serves one artefact over vectors of one layout. `paths`: what its inputs read."""

    def __init__(
        self,
        artefact: Artefact,
        slots: Mapping[str, int],
        *,
        declared: Sequence[Aggregate] = (),
        lists: Iterable[str] = (),
        base_currency: str | None = None,
    ) -> None:
        """`slots`: position of each path in the vector; `declared`: windows of the policy.

        Errors: InvalidRequest `model_currency`, `model_windows` (the policy lacks windows that the
        model reads; see `windows_of`), `model_invalid`.
        """
        if base_currency is not None and base_currency != artefact.base_currency:
            detail = f"it was trained on amounts in {artefact.base_currency}; train it again"
            raise InvalidRequest("model_currency", detail)
        recipe = compile_inputs(artefact.inputs, declared, lists)
        lacking = [w.name for w in recipe.windows if f"agg.{w.name}" not in slots]
        if lacking:
            detail = f"{len(lacking)} windows that it reads are not kept, {lacking[0]} first"
            raise InvalidRequest("model_windows", detail)
        self.artefact = artefact
        self.paths = frozenset(path for one in recipe.inputs for path in one.paths)
        self._names = recipe.names
        self._codes = tuple(one.input.reason for one in recipe.inputs)
        self._rows = InputRow(recipe.inputs, slots, artefact.categories)
        self._forest = read_forest(artefact.trees_text, recipe.names)
        self._local = threading.local()
        self._handle()

    def _handle(self) -> SingleRow:
        found: SingleRow | None = getattr(self._local, "handle", None)
        if found is None:
            width = len(self._names)
            found = SingleRow(self.artefact.trees_text, width, self.artefact.trees)
            self._local.handle = found
        return found

    @property
    def faults(self) -> int:
        """Inputs that had to be taken as missing because their code failed."""
        return self._rows.faults

    def score(
        self,
        vector: Sequence[Any],
        late: Callable[[], bool] | None = None,
    ) -> Score:
        """Score one vector. `late`: whether the deadline of the model stage has passed."""
        if late is not None and late():
            return Score(None, None, None, LATE)
        row = self._rows.values(vector)
        raw = self._handle().probability(row)
        if late is not None and late():
            return Score(None, None, row, LATE)
        return Score(self.artefact.calibration.one(raw), raw, row)

    def reasons(self, score: Score) -> tuple[Reason, ...]:
        """Reasons of a score, strongest first; none for a skipped one."""
        if score.row is None:
            return ()
        leaves = self._handle().leaves(score.row)
        return top_reasons(self._forest.attribution(leaves), self._names, self._codes)

    def attribution(self, score: Score) -> tuple[dict[str, float], float]:
        """Attribution by input and the base: together the log odds before calibration."""
        if score.row is None:
            return {}, self._forest.base
        found = self._forest.attribution(self._handle().leaves(score.row))
        pairs = zip(self._names, found.tolist(), strict=True)
        return {name: value for name, value in pairs if value}, self._forest.base


def windows_of(artefact: Artefact, declared: Sequence[Aggregate] = ()) -> tuple[Aggregate, ...]:
    """Windows that a policy must keep for the model, beside those that it declares."""
    return compile_inputs(artefact.inputs, declared).windows


def log_odds(raw: float) -> float:
    """Log odds of a raw score.

    >>> log_odds(0.5)
    0.0
    """
    return float(np.log(raw / (1 - raw)))
