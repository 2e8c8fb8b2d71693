"""Whose fault a failed transaction is: the unit's, or the store's.

Guards: a row that breaks a constraint must not stop the platform, and a full disk must not be
taken for a bad row. Unknown faults are the store's (fail closed). Source: sqlite.org/rescode.html.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from paywarden.core.errors import Conflict, InvalidRequest, PaywardenError, Unavailable

_UNITS_CODES: Final = {
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_TOOBIG,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
    sqlite3.SQLITE_RANGE,
}


def is_units_fault(fault: Exception) -> bool:
    """True when another unit could have been committed in its place."""
    if isinstance(fault, sqlite3.Error):
        code = getattr(fault, "sqlite_errorcode", None)
        if code is None:
            return isinstance(fault, sqlite3.ProgrammingError | sqlite3.InterfaceError)
        return (code & 0xFF) in _UNITS_CODES
    return isinstance(fault, OverflowError | UnicodeEncodeError)


def unit_error(fault: Exception) -> PaywardenError:
    """What the submitter of the bad unit is told; never a value of its row."""
    if isinstance(fault, sqlite3.IntegrityError):
        name = fault.sqlite_errorname
        return Conflict("constraint_violated", f"the write contradicts what is stored ({name})")
    return InvalidRequest("unwritable", f"the store cannot hold this row ({type(fault).__name__})")


def not_writing(state: str) -> Unavailable:
    """What a writer refuses with that failed, or is stopping or closed."""
    if state == "failed":
        return Unavailable("writer_failed", "nothing is written until the state is rebuilt")
    return Unavailable("writer_closed", "nothing is written any more: the server is stopping")
