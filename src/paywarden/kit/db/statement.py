"""Statements that rooms contribute to a unit of work.

Guards: every write is a statement known by name with parameters apart from its text, so no value
ever becomes SQL. Two kinds exist because a batch may hold many units:

- `Insert`: rows of one table. Rows of many units are gathered and sent as few statements with many
  rows each, since every step of SQLite hands the interpreter lock over and a busy event loop makes
  each hand-over dear.
- `Change`: any other statement (update, delete, upsert). It runs in its place: all rows gathered
  before it are sent first, so submission order is never broken.

>>> Insert("notes", ("id", "text")).sql(2)
'INSERT INTO notes (id, text) VALUES (?,?),(?,?)'
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

Parameters = Sequence[Any]
Finish = Callable[[Parameters], Parameters]
CHUNK_ROWS: Final = 16  # measured: fewer hand-overs of the lock than 1, less copying than 64
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")


class Insert:
    """Rows appended to `table`; parameters are one value per column, in the order of `columns`.

    `finish`, if given, completes a row in the writer's thread, in commit order, from `given`
    values (the log's chain needs that). `sequenced` rows hold places in the event log: when one
    cannot be written, every later unit fails with it.
    """

    __slots__ = ("_texts", "columns", "finish", "given", "sequenced", "table", "width")

    def __init__(
        self,
        table: str,
        columns: Sequence[str],
        *,
        finish: Finish | None = None,
        given: int | None = None,
        sequenced: bool = False,
    ) -> None:
        for name in (table, *columns):
            if not _NAME.match(name):
                raise ValueError("table and column names are lower snake_case words")
        self.table = table
        self.columns = tuple(columns)
        self.width = len(self.columns)
        self.finish = finish
        self.given = self.width if given is None else given
        self.sequenced = sequenced
        self._texts: dict[int, str] = {}

    def sql(self, rows: int) -> str:
        """Text that inserts `rows` rows; texts are kept so that SQLite's statement cache hits."""
        text = self._texts.get(rows)
        if text is None:
            values = ",".join(["(" + ",".join("?" * self.width) + ")"] * rows)
            text = f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES {values}"  # noqa: S608
            self._texts[rows] = text
        return text


class Change:
    """One parameterised statement that must run in its place; `text` has one `?` per parameter."""

    __slots__ = ("name", "text")

    def __init__(self, name: str, text: str) -> None:
        if not _NAME.match(name):
            raise ValueError("statement names are lower snake_case words")
        self.name = name
        self.text = text


Statement = Insert | Change
