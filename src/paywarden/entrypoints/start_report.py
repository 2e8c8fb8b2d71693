"""Why a worker could not start, told to the process that watches it.

Guards: a worker that cannot start ends at once, and its watcher ends with the same error instead of
starting it again: what is wrong with a home stays wrong. The note is a file that the watcher made
(its path comes by the environment), because workers may be spawned anew and inherit no pipe.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import NoReturn

import msgspec

from paywarden.core.errors import (
    Conflict,
    Corrupt,
    InvalidRequest,
    NotFound,
    PaywardenError,
    Unavailable,
)
from paywarden.kit.log import logger

VARIABLE = "PAYWARDEN_START_REPORT"
START_FAILED = 1
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_REMEDY = (
    "a file under data/ is no whole database any more: stop here, keep it, and restore the home "
    "from its last backup"
)
_KINDS = {kind.__name__: kind for kind in (Conflict, Corrupt, InvalidRequest, NotFound)}


class Note(msgspec.Struct, frozen=True):
    """An error in parts."""

    kind: str
    code: str
    detail: str
    pointer: str | None = None

    def error(self) -> PaywardenError:
        """The error again; what is of no known kind is Unavailable."""
        kind = _KINDS.get(self.kind, Unavailable)
        return kind(self.code, self.detail, pointer=self.pointer)


def give_up(fault: BaseException) -> NoReturn:
    """In the worker: log the fault, leave a note, end without unwinding other threads."""
    note = _note(fault)
    logger().error(
        "start_failed", error_type=note.kind, code=note.code, reason=note.detail, place=note.pointer
    )
    path = os.environ.get(VARIABLE)
    if path:
        Path(path).write_bytes(msgspec.json.encode(note))
    os._exit(START_FAILED)


def left_in(path: Path) -> PaywardenError | None:
    """In the watcher: the error that a worker left, None when it started well."""
    text = path.read_bytes()
    return msgspec.json.decode(text, type=Note).error() if text else None


def _note(fault: BaseException) -> Note:
    if isinstance(fault, PaywardenError):
        return Note(type(fault).__name__, fault.code, fault.detail, fault.pointer)
    if getattr(fault, "sqlite_errorcode", None) in _DAMAGED:
        return Note(Corrupt.__name__, "database_corrupt", _REMEDY)
    detail = "the server could not start; its log says start_failed with the type of the fault"
    return Note(type(fault).__name__, "start_failed", detail)
