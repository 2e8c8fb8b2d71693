"""Compiled functions of the window store and where their machine code is kept.

Guards: code cached by numba is loaded with full trust, so the cache lives in a directory that only
this user can write (0700, checked owner), never beside the package and never in a shared place.
The directory is named by a digest of every compiled source, because numba itself notices a change
only in the file of the function that is called, not in those that it calls.
Order: `NUMBA_CACHE_DIR`, then `XDG_CACHE_HOME`/`~/.cache`, then the temporary directory. When none
is usable a RuntimeWarning says so and every start compiles anew (about 20 s).
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt

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
    directory = cache_directory()
    config: Any = numba.config
    before = config.CACHE_DIR
    try:
        if directory is not None:
            config.CACHE_DIR = str(directory)
        made = numba.njit(**_OPTIONS, cache=directory is not None)(function)
    finally:
        config.CACHE_DIR = before
    return cast(F, made)


@functools.cache
def cache_directory() -> Path | None:
    """Writable private directory for this version's machine code, or None (with a warning)."""
    name = f"windows-{_sources_digest()}"
    for base in _candidates():
        if _private(base / name):
            return base / name
    warnings.warn(
        "no private writable cache directory for compiled windows; set NUMBA_CACHE_DIR",
        RuntimeWarning,
        stacklevel=2,
    )
    return None


def _candidates() -> Iterator[Path]:
    given = os.environ.get("NUMBA_CACHE_DIR")
    if given:
        yield Path(given)
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    if os.path.isabs(home):
        yield Path(home) / "paywarden"
    yield Path(tempfile.gettempdir()) / f"paywarden-{os.getuid()}"


def _private(directory: Path) -> bool:
    try:
        for path in (directory.parent, directory):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.lstat()
        parent = directory.parent.lstat()
    except OSError:
        return False
    mine = found.st_uid == os.getuid() and stat.S_ISDIR(found.st_mode)
    shared = stat.S_IMODE(found.st_mode) & 0o022 or stat.S_IMODE(parent.st_mode) & 0o002
    return bool(mine and not shared and os.access(directory, os.W_OK | os.X_OK))


def _sources_digest() -> str:
    digest = hashlib.sha256(f"{numba.__version__} {np.__version__}".encode())
    for source in _SOURCES:
        digest.update((Path(__file__).parent / f"{source}.py").read_bytes())
    return digest.hexdigest()[:16]
