"""Compiled scanning loops, and where their machine code is kept.

Guards: code that numba caches is loaded with full trust, so it lies in a folder that only this
user can write (0700, owner checked), named by a digest of the compiled source. Where no such
folder can be had the loops are compiled anew at each start (a few seconds), silently: a scan is
right either way.
"""

from __future__ import annotations

import functools
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

_SOURCES = ("alphabet", "digit_runs", "encodings", "patterns")
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile at first use, without the interpreter lock; inlined where loops call each other."""
    directory = _cache_directory()
    config: Any = numba.config
    before = config.CACHE_DIR
    try:
        if directory is not None:
            config.CACHE_DIR = str(directory)
        made = numba.njit(nogil=True, error_model="numpy", cache=directory is not None)(function)
    finally:
        config.CACHE_DIR = before
    return cast(F, made)


@functools.cache
def _cache_directory() -> Path | None:
    name = f"discovery-{_digest()}"
    return next((base / name for base in _candidates() if _private(base / name)), None)


def _digest() -> str:
    here = Path(__file__).parent
    text = b"".join((here / f"{name}.py").read_bytes() for name in _SOURCES)
    return hashlib.sha256(text + numba.__version__.encode()).hexdigest()[:16]


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
    except OSError:
        return False
    mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return mine and not found.st_mode & 0o022 and os.access(directory, os.W_OK)
