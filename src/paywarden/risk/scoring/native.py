"""One row through LightGBM's own C interface: the fast route for a live payment.

Guards: bit for bit the answer of `Booster.predict` on the same float32 row. One handle belongs to
one thread, because a configuration holds an output buffer; `num_threads=1` is named, since the
threads of a pool cost more than one row. Only the shared library is loaded, not the Python package
with what it imports.
Source: LightGBM 4, include/LightGBM/c_api.h, `LGBM_BoosterPredictForMatSingleRowFast`.
"""

from __future__ import annotations

import ctypes
import importlib.util
from array import array
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest, Unavailable

_FLOAT32 = 0
_NORMAL, _LEAF, _CONTRIBUTION = 0, 2, 3
_PARAMETERS = b"num_threads=1 verbosity=-1"
_NAMES = ("lib_lightgbm.so", "lib_lightgbm.dylib", "lib_lightgbm.dll")
_SILENT = ctypes.CFUNCTYPE(None, ctypes.c_char_p)(lambda _text: None)


@cache
def library() -> Any:
    """LightGBM's shared library. Errors: Unavailable `lightgbm_missing`."""
    found = importlib.util.find_spec("lightgbm")
    for folder in (found.submodule_search_locations or ()) if found else ():
        for place in (Path(folder) / "lib", Path(folder) / "bin"):
            for name in _NAMES:
                if (place / name).is_file():
                    return _loaded(place / name)
    raise Unavailable("lightgbm_missing", "LightGBM is not installed; install `lightgbm`")


def _loaded(path: Path) -> Any:
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        detail = "LightGBM's library cannot be loaded; on Debian install libgomp1"
        raise Unavailable("lightgbm_missing", detail) from error
    library.LGBM_GetLastError.restype = ctypes.c_char_p
    library.LGBM_RegisterLogCallback(_SILENT)
    return library


class SingleRow:
    """A loaded model for rows of `width` float32 values; for one thread."""

    def __init__(self, text: str, width: int, trees: int) -> None:
        """Errors: InvalidRequest `model_invalid`; Unavailable."""
        self._library = library()
        self._booster = ctypes.c_void_p()
        self._configs: list[ctypes.c_void_p] = []
        count = ctypes.c_int()
        self._call(
            self._library.LGBM_BoosterLoadModelFromString(
                ctypes.c_char_p(text.encode()), ctypes.byref(count), ctypes.byref(self._booster)
            )
        )
        if count.value != trees:
            self.close()
            raise InvalidRequest("model_invalid", "the model text has other trees than it says")
        self._width = width
        self._length = ctypes.c_int64()
        self._at_length = ctypes.byref(self._length)
        self._output = ctypes.c_double()
        self._at_output = ctypes.byref(self._output)
        self._leaves = np.zeros(trees, np.float64)
        self._at_leaves = ctypes.c_void_p(self._leaves.ctypes.data)
        self._fast = self._library.LGBM_BoosterPredictForMatSingleRowFast
        self._as_output = self._config(_NORMAL)
        self._as_leaves = self._config(_LEAF)
        self._as_contributions: ctypes.c_void_p | None = None

    def _config(self, kind: int) -> ctypes.c_void_p:
        made = ctypes.c_void_p()
        self._call(
            self._library.LGBM_BoosterPredictForMatSingleRowFastInit(
                self._booster,
                ctypes.c_int(kind),
                ctypes.c_int(0),
                ctypes.c_int(-1),
                ctypes.c_int(_FLOAT32),
                ctypes.c_int32(self._width),
                ctypes.c_char_p(_PARAMETERS),
                ctypes.byref(made),
            )
        )
        self._configs.append(made)
        return made

    def output(self, row: array[float]) -> float:
        """What the model says of a row of type `f`: 0..1, before calibration, of one that gives
        probabilities; the sum of its leaves of a forest of path lengths."""
        self._check(row)
        address = ctypes.c_void_p(row.buffer_info()[0])
        code = self._fast(self._as_output, address, self._at_length, self._at_output)
        if code:
            self._call(code)
        return self._output.value

    def leaves(self, row: array[float]) -> npt.NDArray[np.int64]:
        """Leaf of every tree, [trees]."""
        self._check(row)
        address = ctypes.c_void_p(row.buffer_info()[0])
        self._call(self._fast(self._as_leaves, address, self._at_length, self._at_leaves))
        return self._leaves.astype(np.int64)

    def contributions(self, row: array[float]) -> npt.NDArray[np.float64]:
        """Exact Shapley values of the inputs (TreeSHAP) and, last, the base, [width + 1].

        Milliseconds a row, so never while a payment waits; what it needs is made when first asked.
        """
        self._check(row)
        found = np.zeros(self._width + 1, np.float64)
        if self._as_contributions is None:
            self._as_contributions = self._config(_CONTRIBUTION)
        self._call(
            self._fast(
                self._as_contributions,
                ctypes.c_void_p(row.buffer_info()[0]),
                self._at_length,
                ctypes.c_void_p(found.ctypes.data),
            )
        )
        return found

    def close(self) -> None:
        """Free what the library holds."""
        for config in self._configs:
            self._library.LGBM_FastConfigFree(config)
        self._configs.clear()
        if self._booster:
            self._library.LGBM_BoosterFree(self._booster)
            self._booster = ctypes.c_void_p()

    def __del__(self) -> None:
        if hasattr(self, "_configs"):
            self.close()

    def _check(self, row: array[float]) -> None:
        # the library reads `width` floats from the address, whatever is there
        if len(row) != self._width or row.typecode != "f":
            raise InvalidRequest("model_row", f"a row has {self._width} values of type f")

    def _call(self, code: int) -> None:
        if code:
            self._library.LGBM_GetLastError()
            raise InvalidRequest("model_invalid", "LightGBM refuses the model text")
