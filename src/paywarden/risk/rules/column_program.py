"""The column back end: which rules fire, and which err, for many payments at once.

Guards: each distinct atom is evaluated once per block of payments into packed bitmaps, true and
error; formulas are `and` and `or` of bitmaps. An error of a rule is "applies, neither true nor
false", counted exactly. The answers are those of the online back end and of the interpreter, row
by row. A block has 32,768 payments, so that memory is bounded by the policy and not by the file.
Shapes: n payments, r rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.column_atoms import AtomColumns
from paywarden.risk.rules.columns import Bits, Column, column_of
from paywarden.risk.rules.online_fallback import Lists
from paywarden.risk.rules.program import TRUE, Atom, Node
from paywarden.risk.rules.slow_path import Condition

BLOCK = 32_768
LARGE = 65_536
_ANY = 1 << 62


@dataclass(frozen=True, slots=True)
class FiredRules:
    """Rules per payment in compressed rows, and counts per rule.

    `offsets`: int64 [n + 1]; `rules`: int32, the rules of payment i are
    rules[offsets[i]:offsets[i + 1]], ascending. `fired`, `errors`: int64 [r].
    """

    offsets: npt.NDArray[np.int64]
    rules: npt.NDArray[np.int32]
    fired: npt.NDArray[np.int64]
    errors: npt.NDArray[np.int64]

    def of(self, payment: int) -> list[int]:
        """Rules that fire for one payment, ascending."""
        found: list[int] = self.rules[self.offsets[payment] : self.offsets[payment + 1]].tolist()
        return found


@dataclass(frozen=True, slots=True)
class RuleMatches:
    """Payments per rule in compressed rows.

    `offsets`: int64 [r + 1]; `payments`: int32, those of rule i are
    payments[offsets[i]:offsets[i + 1]], ascending. `errors`: int64 [r].
    """

    offsets: npt.NDArray[np.int64]
    payments: npt.NDArray[np.int32]
    errors: npt.NDArray[np.int64]


class ColumnProgram:
    """Evaluates the rules of a policy, or any list of conditions, over columns."""

    def __init__(
        self,
        atoms: Sequence[Atom],
        nodes: Sequence[Node],
        conditions: Sequence[Condition],
        kinds: Mapping[str, str] | None = None,
    ) -> None:
        """`conditions`: nodes (applies, is true, is false). `kinds`: declared kind of paths."""
        self._atoms = atoms
        self._nodes = nodes
        self._conditions = conditions
        self._kinds = kinds or {}
        self._order = _needed(atoms, nodes, conditions)

    def evaluate(
        self, columns: Mapping[str, Column], lists: Lists, n: int, block: int = BLOCK
    ) -> FiredRules:
        """Fired rules and error counts. A path without a column is missing everywhere.

        Errors: InvalidRequest for a column of another length or kind than declared.
        """
        given = {path: self._fitting(path, column, n) for path, column in columns.items()}
        asked = AtomColumns(lists)
        fired = np.zeros(len(self._conditions), np.int64)
        errors = np.zeros(len(self._conditions), np.int64)
        parts = [
            self._block(given, asked, start, min(start + block, n), fired, errors)
            for start in range(0, n, block)
        ]
        payments = np.concatenate([part[0] for part in parts]) if parts else np.empty(0, np.int64)
        rules = np.concatenate([part[1] for part in parts]) if parts else np.empty(0, np.int32)
        offsets = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(payments, minlength=n), out=offsets[1:])
        return FiredRules(offsets, rules, fired, errors)

    def by_rule(
        self, columns: Mapping[str, Column], lists: Lists, n: int, asked: AtomColumns | None = None
    ) -> RuleMatches:
        """The same answers, ordered by rule: what a back-test counts. One block, n bounded by it.

        `asked` keeps answers per distinct text between blocks, as long as the lists are the same
        and the columns of all blocks share their dictionaries.
        Errors: those of `evaluate`.
        """
        asked = asked or AtomColumns(lists)
        given = {path: self._fitting(path, column, n) for path, column in columns.items()}
        errors = np.zeros(len(self._conditions), np.int64)
        bitmap = self._bitmap(given, asked, 0, n, errors, _ANY)
        offsets = np.zeros(len(bitmap) + 1, np.int64)
        np.cumsum(np.bitwise_count(bitmap).sum(axis=1, dtype=np.int64), out=offsets[1:])
        return RuleMatches(offsets, _set_bits(bitmap)[1].astype(np.int32), errors)

    def shares(
        self, columns: Mapping[str, Column], lists: Lists, n: int
    ) -> dict[Atom, tuple[float, float]]:
        """Per atom the shares of payments where it is true and where it is false, n > 0."""
        given = {path: self._fitting(path, column, n) for path, column in columns.items()}
        asked = AtomColumns(lists)
        found: dict[Atom, tuple[float, float]] = {}
        for number, atom in enumerate(self._atoms):
            true, error = asked.answer(number, atom, given, n)
            absent = _absent(given.get(atom[1]), n) if error is None else error
            held = float((true & ~absent).mean())
            found[atom] = (held, 1.0 - held - float(absent.mean()))
        return found

    def truth(
        self, columns: Mapping[str, Column], lists: Lists, n: int, node: int
    ) -> npt.NDArray[np.bool_]:
        """Where one node holds, shape [n]; for filters and segments."""
        given = {path: self._fitting(path, column, n) for path, column in columns.items()}
        asked = AtomColumns(lists)
        order = _needed(self._atoms, self._nodes, [(node, node, node)])
        answer = np.empty(n, np.bool_)
        for start in range(0, n, BLOCK):
            stop = min(start + BLOCK, n)
            held = self._held(order, given, asked, start, stop)[node]
            answer[start:stop] = np.unpackbits(held, count=stop - start).view(np.bool_)
        return answer

    # --- one block -------------------------------------------------------------------------

    def _block(
        self,
        columns: Mapping[str, Column],
        asked: AtomColumns,
        start: int,
        stop: int,
        fired: npt.NDArray[np.int64],
        errors: npt.NDArray[np.int64],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        bitmap = self._bitmap(columns, asked, start, stop, errors)
        fired += np.bitwise_count(bitmap).sum(axis=1, dtype=np.int64)
        payments, rules = _positions(bitmap)
        return payments + start, rules

    def _bitmap(
        self,
        columns: Mapping[str, Column],
        asked: AtomColumns,
        start: int,
        stop: int,
        errors: npt.NDArray[np.int64],
        large: int = LARGE,
    ) -> Bits:
        """Where each rule fires, packed, [r, (stop - start) / 8]; errors are added up."""
        held = self._held(self._order, columns, asked, start, stop, large)
        width = -(-(stop - start) // 8)
        bitmap = np.empty((len(self._conditions), width), np.uint8)
        for rule, (applies, true, false) in enumerate(self._conditions):
            row = np.bitwise_and(held[applies], held[true], out=bitmap[rule])
            wrong = held[applies] & ~(row | held[false])
            errors[rule] += int(np.bitwise_count(wrong).sum())
        return bitmap

    def _held(
        self,
        order: Sequence[int],
        columns: Mapping[str, Column],
        asked: AtomColumns,
        start: int,
        stop: int,
        large: int = LARGE,
    ) -> dict[int, Bits]:
        n = stop - start
        here = {path: _part(column, start, stop, large) for path, column in columns.items()}
        full = np.packbits(np.ones(n, np.bool_))
        atoms = _PackedAtoms(self._atoms, asked, here, n, full)
        held: dict[int, Bits] = {}
        for number in order:
            kind, *content = self._nodes[number]
            if kind == "lit":
                held[number] = atoms.literal(content[0], content[1])
                continue
            children = content[0]
            if not children:
                held[number] = full if number == TRUE else np.zeros_like(full)
                continue
            join = np.bitwise_and if kind == "and" else np.bitwise_or
            row = join(held[children[0]], held[children[1]])
            for child in children[2:]:
                join(row, held[child], out=row)
            held[number] = row
        asked.forget(
            part.dictionary
            for path, part in here.items()
            if part.dictionary is not columns[path].dictionary
        )
        return held

    def _fitting(self, path: str, column: Column, n: int) -> Column:
        if len(column) != n:
            raise InvalidRequest(
                "column_length", "every column has one value a payment", pointer=path
            )
        wanted = self._kinds.get(path, column.kind)
        if wanted == column.kind or wanted not in ("int", "double", "bool", "string", "timestamp"):
            return column
        if column.kind == "int" and wanted == "double":
            return Column("double", column.data.astype(np.float64), column.valid)
        if column.kind == "object":
            return column_of(column.values(), wanted)
        detail = f"the column is {column.kind} and has to be {wanted}"
        raise InvalidRequest("column_kind", detail, pointer=path)


class _PackedAtoms:
    """Bitmaps of atoms over one block, each made when first asked for."""

    def __init__(
        self,
        atoms: Sequence[Atom],
        asked: AtomColumns,
        columns: Mapping[str, Column],
        n: int,
        full: Bits,
    ) -> None:
        self._atoms = atoms
        self._asked = asked
        self._columns = columns
        self._n = n
        self._full = full
        self._present: dict[str, Bits] = {}
        self._true: dict[int, tuple[Bits, Bits]] = {}

    def literal(self, number: int, positive: bool) -> Bits:
        """Where the atom is true, or where it is false."""
        found = self._true.get(number)
        if found is None:
            found = self._true[number] = self._packed(number, self._atoms[number])
        true, known = found
        return true if positive else np.bitwise_and(known, ~true)

    def _packed(self, number: int, atom: Atom) -> tuple[Bits, Bits]:
        true, error = self._asked.answer(number, atom, self._columns, self._n)
        bits = np.packbits(true)
        if error is not None:
            return bits, self._full & ~np.packbits(error)
        known = self._known(atom[1])
        return np.bitwise_and(bits, known, out=bits), known

    def _known(self, path: str) -> Bits:
        found = self._present.get(path)
        if found is None:
            absent = _absent(self._columns.get(path), self._n)
            found = self._present[path] = np.packbits(~absent)
        return found


def _part(column: Column, start: int, stop: int, large: int) -> Column:
    """Rows start to stop; texts of a large dictionary get one of their own for the block."""
    part = column.slice(start, stop)
    if len(column.dictionary) <= large:
        return part
    codes, inverse = np.unique(part.data, return_inverse=True)
    first = int(codes[0] < 0) if len(codes) else 0
    texts = tuple(column.dictionary[code] for code in codes[first:].tolist())
    return Column("string", (inverse - first).astype(np.int32), part.valid, texts)


def _absent(column: Column | None, n: int) -> npt.NDArray[np.bool_]:
    return np.ones(n, np.bool_) if column is None else ~column.present()


def _needed(
    atoms: Sequence[Atom], nodes: Sequence[Node], conditions: Sequence[Condition]
) -> list[int]:
    """Nodes that the conditions reach, children before parents.

    Literals come first, those of one path together: the path's column stays in the processor's
    cache while all its thresholds are compared.
    """
    reached: set[int] = set()
    waiting = [node for condition in conditions for node in condition]
    while waiting:
        number = waiting.pop()
        if number in reached:
            continue
        reached.add(number)
        if nodes[number][0] != "lit":
            waiting.extend(nodes[number][1])
    literals = [number for number in reached if nodes[number][0] == "lit"]
    literals.sort(key=lambda number: (_path(atoms[nodes[number][1]]), number))
    return [*literals, *sorted(reached.difference(literals))]


def _path(atom: Atom) -> str:
    return "" if atom[0] == "expr" else str(atom[1])


def _positions(
    bitmap: npt.NDArray[np.uint8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """(payment, rule) of every set bit, ordered by payment, then rule."""
    rules, payments = _set_bits(bitmap)
    order = np.lexsort((rules, payments))
    return payments[order], rules[order].astype(np.int32)


def _set_bits(bitmap: Bits) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(rule, payment) of every set bit, ordered by rule, then payment."""
    rule, byte = np.nonzero(bitmap)
    bits = np.unpackbits(bitmap[rule, byte][:, None], axis=1)
    which, bit = np.nonzero(bits)
    return rule[which], byte[which] * 8 + bit
