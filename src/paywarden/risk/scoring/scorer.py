"""A model in service: a vector in, a calibrated probability with its reasons out.

Guards: the same inputs as in training, by generated code (`inputs_online.py`); the score of the
artefact's own engine (`engine.py`), and how unlike others the payment is, where that is asked for.
A model that is over its deadline is skipped and says so; the payment is decided without it. One
scorer serves many threads. Windows that the model reads must be in the vector: `windows_of` names
them.
Order: deadline, inputs, scores, deadline, probability; reasons only where they will be read.
Not done here: thresholds into outcomes (`paywarden.decision.combine`), which model serves whom.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.model import Aggregate
from paywarden.risk.scoring.artefact import Artefact
from paywarden.risk.scoring.engine import Engine, TreesEngine
from paywarden.risk.scoring.inputs_online import InputRow
from paywarden.risk.scoring.onnx_engine import OnnxEngine
from paywarden.risk.scoring.reasons import Reason, top_reasons
from paywarden.risk.scoring.recipe import compile_inputs

_EDGE = 1e-12
LATE = "model_late"
"""Word by which a skipped model is named in a decision."""


@dataclass(frozen=True, slots=True)
class Score:
    """`probability`: calibrated, None when skipped. `skipped`: why. `row`: the inputs, float32.

    `anomaly`: share of payments that are less unlike; None where it is not there or not asked for.
    """

    probability: float | None
    raw: float | None
    row: array[float] | None
    skipped: str | None = None
    anomaly: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a score is what it is, by the exact method of its engine.

    `unit`: log_odds, or path_length of an anomaly score (the longer the more unlike, sign turned).
    `base` and the `contributions` by input (strongest first) add up to `score`, where the method
    is tree_shap. `inline`: the attribution that was made while the payment waited.
    """

    method: str
    unit: str
    base: float
    score: float
    contributions: Mapping[str, float]
    inline: Mapping[str, float]
    row: Mapping[str, float]
    reasons: tuple[Reason, ...]


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
        with_anomaly: bool = True,
    ) -> None:
        """`slots`: position of each path in the vector; `declared`: windows of the policy.

        `with_anomaly`: whether the anomaly score is wanted; an artefact that has nothing else
        always gives it.

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
        self._engine = _engine(artefact, recipe.names)
        self._unlike: TreesEngine | None = None
        held = artefact.anomaly
        if held is not None and (with_anomaly or self._engine is None):
            self._unlike = TreesEngine(held.trees_text, recipe.names, held.trees)

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
        raw = self._engine.output(row) if self._engine is not None else None
        unlike = self._share(row)
        if late is not None and late():
            return Score(None, None, row, LATE)
        return Score(self._calibrated(raw), raw, row, None, unlike)

    def _share(self, row: array[float]) -> float | None:
        held = self.artefact.anomaly
        if held is None or self._unlike is None:
            return None
        return held.share(self._unlike.output(row))

    def _calibrated(self, raw: float | None) -> float | None:
        calibration = self.artefact.calibration
        return calibration.one(raw) if calibration is not None and raw is not None else None

    def reasons(self, score: Score) -> tuple[Reason, ...]:
        """Reasons of a score, strongest first; none for a skipped one."""
        if score.row is None or self._engine is None:
            return ()
        return top_reasons(self._engine.attribution(score.row), self._names, self._codes)

    def attribution(self, score: Score) -> tuple[dict[str, float], float]:
        """Attribution by input and the base: together the log odds before calibration."""
        engine, _sign = self._explained()
        if score.row is None:
            return {}, engine.base
        return self._named(engine.attribution(score.row)), engine.base

    def explain(self, score: Score) -> Explanation:
        """The exact explanation of a score that has a row; milliseconds, so for afterwards."""
        assert score.row is not None, "a skipped score has nothing to explain"
        engine, sign = self._explained()
        exact, base = engine.exact(score.row)
        exact = exact * sign
        value = engine.output(score.row)
        ranked = sorted(self._named(exact).items(), key=lambda pair: (-abs(pair[1]), pair[0]))
        return Explanation(
            engine.exact_method,
            "log_odds" if self._engine is not None else "path_length",
            base * sign,
            log_odds(value) if self._engine is not None else value * sign,
            dict(ranked),
            self._named(engine.attribution(score.row) * sign),
            dict(zip(self._names, score.row, strict=True)),
            top_reasons(exact, self._names, self._codes),
        )

    def _explained(self) -> tuple[Engine, float]:
        """What is explained: the score, else how unlike; the sign by which more is riskier."""
        if self._engine is not None:
            return self._engine, 1.0
        assert self._unlike is not None
        return self._unlike, -1.0

    def _named(self, parts: npt.NDArray[np.float64]) -> dict[str, float]:
        pairs = zip(self._names, parts.tolist(), strict=True)
        return {name: value for name, value in pairs if value}


def _engine(artefact: Artefact, names: Sequence[str]) -> Engine | None:
    if artefact.onnx is not None:
        return OnnxEngine(artefact.onnx, names)
    return TreesEngine(artefact.trees_text, names, artefact.trees) if artefact.trees_text else None


def windows_of(artefact: Artefact, declared: Sequence[Aggregate] = ()) -> tuple[Aggregate, ...]:
    """Windows that a policy must keep for the model, beside those that it declares."""
    return compile_inputs(artefact.inputs, declared).windows


def log_odds(raw: float) -> float:
    """Log odds of a raw score.

    >>> log_odds(0.5)
    0.0
    """
    clipped = min(max(raw, _EDGE), 1 - _EDGE)
    return float(np.log(clipped / (1 - clipped)))
