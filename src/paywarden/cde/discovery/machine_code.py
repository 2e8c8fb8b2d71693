"""Compiled scanning loops; where their machine code is kept says `kit.machine_code`.

Guards: the folder is named by a digest of every compiled source. Where no private folder can be
had the loops are compiled anew at each start (a few seconds), silently: a scan is right either way.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import numba

from paywarden.kit.machine_code import compiled_into, private_directory

_SOURCES = ("alphabet", "digit_runs", "encodings", "patterns")
_OPTIONS: Final[dict[str, Any]] = {"nogil": True, "error_model": "numpy"}
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile at first use, without the interpreter lock; inlined where loops call each other."""
    return compiled_into(_cache_directory(), function, _OPTIONS)


@functools.cache
def _cache_directory() -> Path | None:
    return private_directory(f"discovery-{_digest()}")


def _digest() -> str:
    here = Path(__file__).parent
    text = b"".join((here / f"{name}.py").read_bytes() for name in _SOURCES)
    return hashlib.sha256(text + numba.__version__.encode()).hexdigest()[:16]
