"""Where machine code that numba made is kept, and how a function is compiled into it.

Guards: code cached by numba is loaded with full trust, so it lies in a directory that only this
user can write (0700, checked owner, no shared parent), never beside the package and never in a
shared place. Order: `NUMBA_CACHE_DIR`, then `XDG_CACHE_HOME`/`~/.cache`, then the temporary
directory. Left to the caller: a name that changes with every compiled source, because numba itself
notices a change only in the file of the function that is called.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])


def private_directory(name: str) -> Path | None:
    """A writable directory of this user alone, made where missing; None where none can be had."""
    return next((base / name for base in _candidates() if _private(base / name)), None)


def compiled_into(directory: Path | None, function: F, options: dict[str, Any]) -> F:
    """Compile at first use with numba's `options`; cached in `directory`, or not at all."""
    config: Any = numba.config
    before = config.CACHE_DIR
    try:
        if directory is not None:
            config.CACHE_DIR = str(directory)
        made = numba.njit(**options, cache=directory is not None)(function)
    finally:
        config.CACHE_DIR = before
    return cast(F, made)


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
