"""A model from elsewhere, run by ONNX Runtime: one row at a time, on one thread.

Guards: the runtime is loaded when the first ONNX model is, so that nobody else pays for it; where
it is not installed, the remedy is named. No extension is loaded. A model serves once it has given
a share for a payment of which nothing is known. An answer that is no share is a fault of the model,
and a fault of the model is no opinion (`decision.model_runtime`).
Attribution: each input is replaced by what stands for missing, one after the other, in one call of
k rows; the difference of log odds is its part. Parts need not add up to the score, and say so.
Shapes: k inputs. Not done here: checks of the octets (`onnx_checks.py`).
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.risk.scoring.onnx_body import OnnxBody

_EDGE = 1e-9
Array = npt.NDArray[np.float64]


class OnnxEngine:
    """One loaded model. A session of the runtime may be used by many threads."""

    exact_method = "leave_one_out"

    def __init__(self, body: OnnxBody, names: Sequence[str]) -> None:
        """Errors: InvalidRequest `onnx_...`; Unavailable `onnxruntime_missing`; TooLarge."""
        body.check(len(names))
        self._session = _session(body.content)
        self._input, self._outputs, self._column = body.input, [body.output], body.column
        self._stand_in = np.array([body.stand_in(name) for name in names], np.float32)
        self._as_is = bool(np.isnan(self._stand_in).all())
        self._run = self._session.run
        try:
            self.base = float(_log_odds(self._many(self._stand_in[np.newaxis]))[0])
        except ValueError as error:
            detail = "it gives no share from 0 to 1 where everything is missing; check the output, "
            raise InvalidRequest("onnx_output", f"{detail}and `missing`, in the map") from error

    def output(self, row: array[float]) -> float:
        """The model's answer for a row. Errors: ValueError where it is no share from 0 to 1."""
        return float(self._many(self._row(row)[np.newaxis])[0])

    def attribution(self, row: array[float]) -> Array:
        """What leaving out each input changes in the log odds, [k]."""
        seen = self._row(row)
        rows = np.repeat(seen[np.newaxis], len(seen) + 1, axis=0)
        places = np.arange(len(seen))
        rows[places, places] = self._stand_in
        odds = _log_odds(self._many(rows))
        return np.asarray(odds[-1] - odds[:-1], np.float64)

    def exact(self, row: array[float]) -> tuple[Array, float]:
        """The same: there is no exact method for any model whatever."""
        return self.attribution(row), self.base

    def _row(self, row: array[float]) -> npt.NDArray[np.float32]:
        seen = np.frombuffer(row, np.float32)
        if len(seen) != len(self._stand_in):
            raise InvalidRequest("model_row", f"a row has {len(self._stand_in)} values")
        return seen if self._as_is else np.where(np.isnan(seen), self._stand_in, seen)

    def _many(self, rows: npt.NDArray[np.float32]) -> Array:
        found = self._run(self._outputs, {self._input: rows})[0]
        shares = np.asarray(found[:, self._column] if found.ndim == 2 else found, np.float64)
        if shares.shape != (len(rows),) or not ((shares >= 0) & (shares <= 1)).all():
            raise ValueError("the model's answer is no share from 0 to 1")
        return shares


def _log_odds(shares: Array) -> Array:
    clipped = np.clip(shares, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(clipped / (1 - clipped)), np.float64)


def _session(content: bytes) -> Any:
    try:
        import onnxruntime  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        detail = "ONNX models need ONNX Runtime; install it with: pip install 'paywarden[onnx]'"
        raise Unavailable("onnxruntime_missing", detail) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            content, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime has no common class for what it refuses
        raise InvalidRequest("onnx_invalid", "ONNX Runtime refuses the model") from error
