"""A model from elsewhere in ONNX form, and how our inputs become its one tensor.

Guards: only what `onnx_checks.py` lets pass: octets of bounded size, standard operators, no files
beside it, no graphs in graphs, one float32 tensor in of exactly our width, one float32 tensor out.
The tensor's columns are the inputs in their declared order. A missing value is NaN, or the number
that the map declares. Shapes: k inputs. Not done here: running it (`onnx_engine.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paywarden.core.errors import InvalidRequest
from paywarden.risk.scoring.onnx_checks import check_onnx


@dataclass(frozen=True, slots=True)
class OnnxBody:
    """`input`, `output`: names of tensors; `column`: of the output, where it has several.

    `missing`: what stands for a missing value, by input name; others get `otherwise` (NaN: None).
    """

    content: bytes
    input: str
    output: str
    column: int
    missing: Mapping[str, float]
    otherwise: float | None

    def stand_in(self, name: str) -> float:
        """What a missing value of an input is to the model."""
        found = self.missing.get(name, self.otherwise)
        return math.nan if found is None else found

    def document(self) -> dict[str, Any]:
        """Plain data, without the model."""
        return {
            "input": self.input,
            "output": self.output,
            "column": self.column,
            "missing": dict(self.missing),
            "otherwise": self.otherwise,
        }

    def check(self, width: int) -> None:
        """Whether the model takes `width` inputs. Errors: InvalidRequest `onnx_...`, TooLarge."""
        check_onnx(self.content, self.input, self.output, self.column, width)


def read_body(document: Mapping[str, Any], content: bytes) -> OnnxBody:
    """Inverse of `document`. Errors: InvalidRequest `model_invalid`."""
    try:
        otherwise = document["otherwise"]
        return OnnxBody(
            content,
            str(document["input"]),
            str(document["output"]),
            int(document["column"]),
            {str(name): float(value) for name, value in document["missing"].items()},
            None if otherwise is None else float(otherwise),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidRequest("model_invalid", "the map of the ONNX model is damaged") from error
