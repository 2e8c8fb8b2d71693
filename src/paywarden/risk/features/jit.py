"""Compiled functions of the window store and where their machine code is kept.

Guards: the cache lives in a private directory (`kit.machine_code`), named by a digest of every
compiled source, because numba itself notices a change only in the file of the function that is
called, not in those that it calls. When no directory is usable a RuntimeWarning says so and every
start compiles anew (about 20 s).
"""

from __future__ import annotations

import functools
import hashlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

from paywarden.kit.machine_code import compiled_into, private_directory

Words: TypeAlias = npt.NDArray[np.int64]
Word: TypeAlias = Any
"""An int64 inside compiled code; Python sees it only as an argument or a result."""

_OPTIONS: Any = {"nogil": True, "error_model": "numpy", "_nrt": False}
_INNER: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}

_SOURCES = (
    "aggregates/registry",
    "ahead",
    "catalogue",
    "evaluation",
    "events",
    "heap",
    "insertion",
    "jit",
    "kernel",
    "keys",
    "observation",
    "pages",
    "pairs",
    "program",
    "removal",
    "rows",
    "wide",
    "withdrawal",
    "../links/kernel",
    "../links/model",
    "../labels/effects",
    "../posteriors/kernel",
    "../posteriors/model",
)
"""Every file whose code or numbers end up in machine code."""

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile as a part of a door: no wrapper, no cache and no reference counts of its own."""
    return cast(F, numba.njit(**_OPTIONS, **_INNER)(function))


def door(function: F) -> F:
    """Compile on first use, without the interpreter lock, cached on disk where that is safe."""
    return compiled_into(cache_directory(), function, _OPTIONS)


@functools.cache
def cache_directory() -> Path | None:
    """Writable private directory for this version's machine code, or None (with a warning)."""
    name = f"windows-{_sources_digest()}"
    found = private_directory(name)
    if found is not None:
        return found
    warnings.warn(
        "no private writable cache directory for compiled windows; set NUMBA_CACHE_DIR",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def _sources_digest() -> str:
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
    for source in _SOURCES:
        digest.update((Path(__file__).parent / f"{source}.py").read_bytes())
    return digest.hexdigest()[:16]
