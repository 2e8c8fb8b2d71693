"""Compiled functions of the flow engine and where their machine code is kept.

Guards: as `paywarden.risk.features.jit`: the cache is private and named by a digest of every source
that ends up in machine code; without one a RuntimeWarning says so and each start compiles anew.
"""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np

from paywarden.kit.machine_code import compiled_into, private_directory

_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "_nrt": False}
_INNER: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_SOURCES = (
    "adding",
    "cycles",
    "functions",
    "jit",
    "layout",
    "motifs",
    "reading",
    "running",
    "shelves",
)
"""Every file whose code or numbers end up in machine code."""

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile as a part of a door."""
    return cast(F, numba.njit(**_OPTIONS, **_INNER)(function))


def door(function: F) -> F:
    """Compile on first use, without the interpreter lock, cached on disk where that is safe."""
    return compiled_into(_cache_directory(), function, _OPTIONS)


@functools.cache
def _cache_directory() -> Path | None:
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
    for source in _SOURCES:
        digest.update((Path(__file__).parent / f"{source}.py").read_bytes())
    found = private_directory(f"flows-{digest.hexdigest()[:16]}")
    if found is None:
        warnings.warn(
            "no private writable cache directory for compiled flows; set NUMBA_CACHE_DIR",
            RuntimeWarning,
            stacklevel=2,
        )
    return found
