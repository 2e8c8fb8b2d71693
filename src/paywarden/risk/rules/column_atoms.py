"""Atoms over columns: where an atom is true and where it is an error.

Guards: texts are asked once per distinct text of the dictionary, arithmetic over whole arrays, and
what is left row by row through the same function that decides a single payment, once per distinct
combination of values; so no atom can differ between a back-test and a payment. A path without a
column is missing everywhere. Not done here: columns of a wrong kind (`column_program.py`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from paywarden.risk.rules.column_expression import Rowwise, compute
from paywarden.risk.rules.columns import Bools, Column, missing
from paywarden.risk.rules.online_fallback import Lists, asking
from paywarden.risk.rules.program import Atom

Answer = tuple[Bools, Bools | None]  # true, error (None: exactly where the path is missing)
_NOTHING: tuple[str, ...] = ()
_KNOWN_LIMIT = 200_000
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": np.equal,
    "ge": np.greater_equal,
    "gt": np.greater,
    "le": np.less_equal,
    "lt": np.less,
}
_PAIRS: dict[str, Callable[[Any, Any], Any]] = {
    "eqp": np.equal,
    "gep": np.greater_equal,
    "gtp": np.greater,
}
_TEXTS: dict[str, Callable[[str, str], bool]] = {"ge": operator.ge, "gt": operator.gt}


class AtomColumns:
    """Answers atoms over one block of payments; dictionaries are answered once for all blocks."""

    def __init__(self, lists: Lists, places: dict[int, dict[str, int]] | None = None) -> None:
        """`places`: codes by dictionary, shared by readers of the same columns."""
        self._lists = lists
        self._tables: dict[tuple[int, int], npt.NDArray[Any]] = {}
        self._places = {} if places is None else places
        self._dictionaries: list[tuple[str, ...]] = []
        self._rows: dict[int, Callable[..., Any]] = {}
        self._known: dict[int, dict[Any, Any]] = {}

    def answer(self, number: int, atom: Atom, columns: Mapping[str, Column], n: int) -> Answer:
        """Where the atom is true and where it errs, shape [n]."""
        kind = atom[0]
        if kind == "expr":
            return self._opaque(number, atom, columns, n)
        column = columns.get(atom[1]) or missing(n)
        if kind == "has":
            return column.present(), np.zeros(n, np.bool_)
        if kind in _PAIRS:
            return self._pair(number, atom, columns, n)
        if column.kind == "object":
            return np.zeros(n, np.bool_), None
        if column.kind == "string":
            return self._text(number, atom, column)
        if kind == "true":
            return np.asarray(column.data, np.bool_), None
        if kind == "in":
            return _one_of(column.data, atom[2]), None
        return _compared(kind, column, atom[2]), None

    # --- texts -----------------------------------------------------------------------------

    def _text(self, number: int, atom: Atom, column: Column) -> Answer:
        texts = column.dictionary
        if atom[0] == "eq":
            code = self._codes(texts).get(atom[2])
            if code is None:
                return np.zeros(len(column), np.bool_), None
            return np.asarray(column.data == code), None
        table = self._tables.get((number, id(texts)))
        if table is None:
            table = self._tables[(number, id(texts))] = self._asked(atom, texts)
        return table.take(column.data), None

    def _asked(self, atom: Atom, texts: tuple[str, ...]) -> npt.NDArray[Any]:
        """True or false per code; the last entry, for a missing text, is not read."""
        if atom[0] in ("ge", "gt"):
            test, other = _TEXTS[atom[0]], atom[2]
            held = [test(text, other) for text in texts]
            return np.array([*held, False], np.bool_)
        members = atom[2] if atom[0] == "in" else self._lists.get(atom[2], _NOTHING)
        table = np.zeros(len(texts) + 1, np.bool_)
        table[_members_among(members, self._codes(texts))] = True
        return table

    def _codes(self, texts: tuple[str, ...]) -> dict[str, int]:
        found = self._places.get(id(texts))
        if found is None:
            codes = {text: code for code, text in enumerate(texts)}
            found = self._places.setdefault(id(texts), codes)
            self._dictionaries.append(texts)
        return found

    def _asked_whole(self, number: int, atom: Atom, texts: tuple[str, ...]) -> npt.NDArray[Any]:
        """1 true, 0 false, 2 error per code; the last entry answers for a missing text."""
        found = self._tables.get((number, id(texts)))
        if found is None:
            ask = self._row_function(number, atom)
            coded = [_coded(ask((text,))) for text in (*texts, None)]
            found = self._tables[(number, id(texts))] = np.array(coded, np.int8)
            self._dictionaries.append(texts)
        return found

    def forget(self, dictionaries: Iterable[tuple[str, ...]]) -> None:
        """Drop what is known of dictionaries that end with a block."""
        gone = {id(texts) for texts in dictionaries}
        if not gone:
            return
        self._tables = {key: table for key, table in self._tables.items() if key[1] not in gone}
        self._places = {key: codes for key, codes in self._places.items() if key not in gone}
        self._dictionaries = [texts for texts in self._dictionaries if id(texts) not in gone]

    # --- pairs -----------------------------------------------------------------------------

    def _pair(self, number: int, atom: Atom, columns: Mapping[str, Column], n: int) -> Answer:
        left, right = (columns.get(path) or missing(n) for path in atom[1:])
        error = ~(left.present() & right.present())
        if error.all():
            return np.zeros(n, np.bool_), error
        if left.kind == "string" and right.kind == "string" and atom[0] == "eqp":
            return self._same_text(left, right) & ~error, error
        exact = left.kind == right.kind and left.kind in ("int", "double", "timestamp")
        if exact:
            return np.asarray(_PAIRS[atom[0]](left.data, right.data)) & ~error, error
        compare = {"eqp": operator.eq, "gep": operator.ge, "gtp": operator.gt}[atom[0]]
        pairs = zip(left.values(), right.values(), error.tolist(), strict=True)
        rows = (not failed and compare(a, b) for a, b, failed in pairs)
        return np.fromiter(rows, np.bool_, n), error

    def _same_text(self, left: Column, right: Column) -> Bools:
        places = {text: code for code, text in enumerate(right.dictionary)}
        moved = np.array([*(places.get(text, -2) for text in left.dictionary), -3], np.int64)
        return np.asarray(moved[left.data] == right.data)

    # --- everything else -------------------------------------------------------------------

    def _opaque(self, number: int, atom: Atom, columns: Mapping[str, Column], n: int) -> Answer:
        _, tree, paths, _ = atom
        here = {path: columns.get(path) or missing(n) for path in paths}
        if len(paths) == 1 and here[paths[0]].kind == "string":
            column = here[paths[0]]
            coded = self._asked_whole(number, atom, column.dictionary).take(column.data)
            return coded == 1, coded == 2
        try:
            found = compute(tree, here, n)
            if found.kind == "bool":
                return found.data & ~found.error, found.error
        except Rowwise:
            pass
        return self._by_row(number, atom, [here[path] for path in paths], n)

    def _by_row(self, number: int, atom: Atom, columns: Sequence[Column], n: int) -> Answer:
        ask = self._row_function(number, atom)
        known = self._known.setdefault(number, {})
        if len(known) > _KNOWN_LIMIT:
            known.clear()
        answers = np.empty(n, np.int8)
        rows = zip(*(column.values() for column in columns), strict=True) if columns else [()] * n
        for row, values in enumerate(rows):
            answers[row] = _remembered(values, ask, known)
        return answers == 1, answers == 2

    def _row_function(self, number: int, atom: Atom) -> Callable[[Sequence[Any]], Any]:
        found = self._rows.get(number)
        if found is None:
            found = self._rows[number] = row_function(atom, self._lists)
        return found


def _members_among(members: Any, codes: dict[str, int]) -> list[int]:
    """Codes of the texts that a list holds; the shorter side is walked."""
    among: Callable[[dict[str, int]], list[int]] | None = getattr(members, "among", None)
    if among is not None:
        return among(codes)
    if isinstance(members, set | frozenset | dict) and len(members) < len(codes):
        return [codes[text] for text in codes.keys() & members]
    return [code for text, code in codes.items() if text in members]


def row_function(atom: Atom, lists: Lists) -> Callable[[Sequence[Any]], Any]:
    """An opaque atom as a function of the values of its paths: True, False or an error mark."""
    _, tree, paths, names = atom
    slots = [(path, place) for place, path in enumerate(paths)]
    ask = asking(tree, slots, [(name, place) for place, name in enumerate(names)], 1)
    known = [[lists.get(name, _NOTHING) for name in names], None]
    return lambda values: ask(values, known)


def _remembered(values: Any, ask: Callable[..., Any], known: dict[Any, Any]) -> int:
    key = tuple(map(_exact, values))
    try:
        found = known.get(key)
    except TypeError:
        return _coded(ask(values))
    if found is None:
        found = known[key] = _coded(ask(values))
    return int(found)


def _exact(value: Any) -> Any:
    """A key that keeps 1, 1.0 and True apart, and the two zeros."""
    return (type(value), repr(value) if isinstance(value, float) else value)


def _coded(answer: Any) -> int:
    return 1 if answer is True else 0 if answer is False else 2


def _compared(kind: str, column: Column, constant: Any) -> Bools:
    if column.kind in ("int", "timestamp") and not -(1 << 63) <= constant < 1 << 63:
        return np.full(len(column), kind in ("ge", "gt") and constant < 0, np.bool_)
    return np.asarray(_COMPARE[kind](column.data, constant))


def _one_of(data: npt.NDArray[Any], constants: Sequence[Any]) -> Bools:
    if not constants:
        return np.zeros(len(data), np.bool_)
    return np.asarray(np.isin(data, np.array(constants, data.dtype)))
