"""Sending the writes of many units to SQLite with few statements.

Guards: the effect equals running the units one after another. Rows of `Insert` are gathered per
table until a `Change` (or the end) comes. Gathering may send a child's row before its parent's; the
writer then runs the batch unit by unit. Not done here: begin, commit, roll back (the writer).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from paywarden.kit.db.statement import CHUNK_ROWS, Insert
from paywarden.kit.db.unit import UnitOfWork

_Gathered = dict[Insert, list[Any]]


def send(connection: sqlite3.Connection, units: Iterable[UnitOfWork]) -> None:
    """Run all writes of `units` in submission order inside the open transaction."""
    gathered: _Gathered = {}
    for unit in units:
        for statement, parameters in unit.writes:
            if isinstance(statement, Insert):
                finish = statement.finish
                row = parameters if finish is None else finish(parameters)
                values = gathered.get(statement)
                if values is None:
                    gathered[statement] = values = []
                values += row
            else:
                _flush(connection, gathered)
                connection.execute(statement.text, parameters)
    _flush(connection, gathered)


def _flush(connection: sqlite3.Connection, gathered: _Gathered) -> None:
    for statement, values in gathered.items():
        send_rows(connection, statement, values)
    gathered.clear()


def send_rows(connection: sqlite3.Connection, statement: Insert, values: list[Any]) -> None:
    """Insert rows whose values stand one after another, many rows a statement."""
    step = statement.width * CHUNK_ROWS
    for start in range(0, len(values), step):
        chunk = values[start : start + step]
        connection.execute(statement.sql(len(chunk) // statement.width), chunk)
