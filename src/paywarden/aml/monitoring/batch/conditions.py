"""Conditions of terms as Ibis expressions: the checked CEL tree, value and error side by side.

Guards: an expression has a bounded number of parts; every node becomes a value and a flag that
says whether it has one (`ok`); an absent name, an overflow, a division by zero clear the flag, and
`&&`, `||`, the ternary absorb it exactly as CEL does, so that a condition holds here where it holds
in the interpreter. What a back end cannot say is refused by name when compiling, never left out.
Deviations: integer results beyond 9.22e18 are errors up to 1e6 before the limit of 64 bits; integer
division and comparison with doubles are exact up to 2**53, and beyond that integer division is an
error. Regular expressions are those of the back end (RE2 on DuckDB).
Source: google/cel-spec, doc/langdef.md, "Evaluation" and "Logical Operators".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import ibis

from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.cel.program import Program
from paywarden.risk.rules.cel.syntax import (
    Call,
    Expr,
    ListOf,
    Literal,
    Present,
    Reference,
)
from paywarden.risk.rules.cel.tree import children_of

_SAFE: Final = 9.22337203685e18
_EXACT: Final = 2.0**53
_DAY_SECONDS: Final = 86_400
MOST_PARTS: Final = 20_000
_WRITTEN: Final = {"_+_": 5, "_-_": 5, "_*_": 5, "_/_": 7, "_%_": 7, "_?_:_": 3}
"""How often an operand stands in what an operator becomes."""
Columns = Mapping[str, Any]
"""Column of each declared path; null where the value is absent."""
Lists = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Cell:
    """`kind`: bool, int, double, string, timestamp (microseconds); `ok`: never null."""

    value: Any
    ok: Any
    kind: str
    is_number: bool = False
    """A double that is never NaN; flow features are absent instead."""

    @property
    def holds(self) -> Any:
        """True where the value is there and true; never null."""
        return self.ok & self.value.fill_null(False)


def condition(program: Program, columns: Columns, lists: Lists | None = None) -> Any:
    """Where a checked condition of type bool is true, as a boolean expression without null.

    Errors: InvalidRequest `batch_condition` for what cannot be said, `batch_column` for a name
    whose column the table lacks.
    """
    if program.checked is None:
        raise InvalidRequest("batch_condition", "a condition is compiled with the types of names")
    if _size(program.expr) > MOST_PARTS:
        detail = "the condition is too deep to be said over tables; split it into terms"
        raise InvalidRequest("batch_condition", detail)
    return _Compiler(program, columns, lists or {}).cell(program.expr).holds


def _size(expr: Expr) -> int:
    """About how many parts the expression has, whose operands are written several times each."""
    inner = sum(_size(part) for part in children_of(expr))
    if not isinstance(expr, Call):
        return inner + 1
    return 1 + inner * _WRITTEN.get(expr.function, 2)


class _Compiler:
    def __init__(self, program: Program, columns: Columns, lists: Lists) -> None:
        assert program.checked is not None
        self._checked = program.checked
        self._columns = columns
        self._lists = lists

    def cell(self, node: Expr) -> Cell:
        if isinstance(node, Literal):
            return self._literal(node)
        if isinstance(node, Reference):
            column = self._column(node.path, node)
            sure = node.path.startswith("flow.")
            return Cell(column, column.notnull(), self._kind(node), sure)
        if isinstance(node, Present):
            return _known(self._column(node.path, node).notnull(), "bool")
        if isinstance(node, Call):
            return self._call(node)
        raise self._refused(node, "lists, maps and loops over them")

    def _kind(self, node: Expr) -> str:
        return self._checked.type_of(node).kind

    def _refused(self, node: Expr, what: str) -> InvalidRequest:
        detail = f"{what} cannot be said over tables"
        place = f"{node.place.line}:{node.place.column}"
        return InvalidRequest("batch_condition", detail, pointer=place)

    def _column(self, path: str, node: Expr) -> Any:
        if path not in self._columns:
            place = f"{node.place.line}:{node.place.column}"
            raise InvalidRequest("batch_column", f"the table has no `{path}`", pointer=place)
        return self._columns[path]

    def _literal(self, node: Literal) -> Cell:
        kind = node.type.kind
        kinds = {"int": "int64", "double": "float64", "bool": "boolean", "string": "string"}
        if kind not in kinds:
            raise self._refused(node, f"a constant of type {kind}")
        return Cell(ibis.literal(node.value, kinds[kind]), ibis.literal(True), kind, True)

    def _call(self, node: Call) -> Cell:
        if node.function == "@in":
            return self._membership(node)
        cells = [self.cell(part) for part in node.arguments]
        if node.function in _LOGIC:
            return _LOGIC[node.function](*cells)
        found = _FUNCTIONS.get((node.function, len(cells)))
        if found is None:
            name = node.function.strip("_")
            raise self._refused(node, f"`{name}` with {len(cells)} argument(s)")
        try:
            return found(*cells)
        except _Unsaid:
            kinds = ", ".join(cell.kind for cell in cells)
            raise self._refused(node, f"`{node.function.strip('_')}` of {kinds}") from None

    def _membership(self, node: Call) -> Cell:
        needle, hay = self.cell(node.arguments[0]), node.arguments[1]
        if isinstance(hay, ListOf):
            items = [self.cell(item) for item in hay.items]
            found = ibis.literal(False)
            every = needle.ok
            for item in items:
                found = found | _equal(needle, item)
                every = every & item.ok
            return Cell(found, every, "bool")
        if isinstance(hay, Reference) and hay.path in self._lists:
            members = self._lists[hay.path]
            inside = needle.value.isin(members) if members else ibis.literal(False)
            return Cell(inside.fill_null(False), needle.ok, "bool")
        name = f"the list `{hay.path}`" if isinstance(hay, Reference) else "this list"
        raise self._refused(node, name)


class _Unsaid(Exception):
    """Types that a function does not take over tables."""


def _known(value: Any, kind: str) -> Cell:
    return Cell(value, ibis.literal(True), kind)


# --- logic ----------------------------------------------------------------------------------------


def _and(*cells: Cell) -> Cell:
    true, false = ibis.literal(True), ibis.literal(False)
    for cell in cells:
        true = true & cell.holds
        false = false | (cell.ok & ~cell.value.fill_null(True))
    return Cell(true, true | false, "bool")


def _or(*cells: Cell) -> Cell:
    true, false = ibis.literal(False), ibis.literal(True)
    for cell in cells:
        true = true | cell.holds
        false = false & (cell.ok & ~cell.value.fill_null(True))
    return Cell(true, true | false, "bool")


def _not(cell: Cell) -> Cell:
    return Cell(~cell.value.fill_null(False), cell.ok, "bool")


def _ternary(asked: Cell, chosen: Cell, other: Cell) -> Cell:
    value = ibis.ifelse(asked.value, chosen.value, other.value)
    ok = asked.ok & ibis.ifelse(asked.value.fill_null(False), chosen.ok, other.ok)
    return Cell(value, ok, chosen.kind)


_LOGIC: Final[Mapping[str, Callable[..., Cell]]] = {
    "_&&_": _and,
    "_||_": _or,
    "!_": _not,
    "_?_:_": _ternary,
}


# --- comparison -----------------------------------------------------------------------------------

_NUMBERS = ("int", "double")


def _both(left: Cell, right: Cell) -> tuple[Any, Any]:
    if left.kind == right.kind:
        return left.value, right.value
    return left.value.cast("float64"), right.value.cast("float64")


def _is_nan(cell: Cell) -> Any:
    if cell.kind != "double" or cell.is_number:
        return ibis.literal(False)
    return cell.value.isnan().fill_null(False)


def _equal(left: Cell, right: Cell) -> Any:
    if left.kind != right.kind and not (left.kind in _NUMBERS and right.kind in _NUMBERS):
        return ibis.literal(False)
    one, other = _both(left, right)
    same = (one == other).fill_null(False)
    return same & ~_is_nan(left) & ~_is_nan(right) if "double" in (left.kind, right.kind) else same


def _equality(left: Cell, right: Cell) -> Cell:
    return Cell(_equal(left, right), left.ok & right.ok, "bool")


def _difference(left: Cell, right: Cell) -> Cell:
    return Cell(~_equal(left, right), left.ok & right.ok, "bool")


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Cell, Cell], Cell]:
    def compiled(left: Cell, right: Cell) -> Cell:
        if left.kind == "bool":
            raise _Unsaid
        one, other = _both(left, right)
        value = compare(one, other).fill_null(False)
        if "double" in (left.kind, right.kind):
            value = value & ~_is_nan(left) & ~_is_nan(right)
        return Cell(value, left.ok & right.ok, "bool")

    return compiled


# --- arithmetic -----------------------------------------------------------------------------------


def _held(operate: Callable[[Any, Any], Any]) -> Callable[[Cell, Cell], Cell]:
    """An operation of numbers; integers that would leave 64 bits are an error."""

    def compiled(left: Cell, right: Cell) -> Cell:
        ok = left.ok & right.ok
        if left.kind == "double":
            return Cell(operate(left.value, right.value), ok, "double")
        if left.kind != "int":
            raise _Unsaid
        size = operate(left.value.cast("float64"), right.value.cast("float64")).abs()
        fits = (size < _SAFE).fill_null(False)
        one, other = (ibis.ifelse(fits, cell.value, 0) for cell in (left, right))
        return Cell(operate(one, other), ok & fits, "int")

    return compiled


def _concatenated(left: Cell, right: Cell) -> Cell:
    return Cell(left.value + right.value, left.ok & right.ok, "string")


_PLUS = _held(lambda one, other: one + other)


def _add(left: Cell, right: Cell) -> Cell:
    return _concatenated(left, right) if left.kind == "string" else _PLUS(left, right)


def _divide(left: Cell, right: Cell) -> Cell:
    ok = left.ok & right.ok
    if left.kind == "double":
        return Cell(_quotient(left.value, right.value), ok, "double")
    one, other = _divisible(left, right)
    value = ((one - _rest(one, other)) / other).cast("int64")
    return Cell(value, ok & _may_divide(left, right), "int")


def _remainder(left: Cell, right: Cell) -> Cell:
    if left.kind != "int":
        raise _Unsaid
    value = _rest(*_divisible(left, right))
    return Cell(value, left.ok & right.ok & _may_divide(left, right), "int")


def _rest(one: Any, other: Any) -> Any:
    """Remainder with the sign of the dividend, however the back end signs its own."""
    size = one.abs() % other.abs()
    return ibis.ifelse(one < 0, -size, size)


def _may_divide(left: Cell, right: Cell) -> Any:
    inside = (left.value.cast("float64").abs() < _EXACT) & (
        right.value.cast("float64").abs() < _EXACT
    )
    return ((right.value != 0) & inside).fill_null(False)


def _divisible(left: Cell, right: Cell) -> tuple[Any, Any]:
    may = _may_divide(left, right)
    return ibis.ifelse(may, left.value, 0), ibis.ifelse(may, right.value, 1)


def _quotient(one: Any, other: Any) -> Any:
    """IEEE 754: a division by zero is infinite, or no number."""
    infinite = ibis.ifelse(one > 0, math.inf, -math.inf)
    by_zero = ibis.ifelse((one == 0) | one.isnan(), math.nan, infinite)
    return ibis.ifelse(other == 0, by_zero, one / ibis.ifelse(other == 0, 1.0, other))


def _negate(cell: Cell) -> Cell:
    return Cell(-cell.value, cell.ok, cell.kind)


# --- texts, conversions, time ---------------------------------------------------------------------


def _text(ask: Callable[[Any, Any], Any]) -> Callable[[Cell, Cell], Cell]:
    def compiled(left: Cell, right: Cell) -> Cell:
        value = ask(left.value, right.value).fill_null(False)
        return Cell(value, left.ok & right.ok, "bool")

    return compiled


def _length(cell: Cell) -> Cell:
    if cell.kind != "string":
        raise _Unsaid
    return Cell(cell.value.length().cast("int64"), cell.ok, "int")


def _to_double(cell: Cell) -> Cell:
    if cell.kind not in _NUMBERS:
        raise _Unsaid
    return Cell(cell.value.cast("float64"), cell.ok, "double")


def _to_int(cell: Cell) -> Cell:
    if cell.kind == "int":
        return cell
    if cell.kind != "double":
        raise _Unsaid
    fits = (cell.value.abs() < _SAFE).fill_null(False) & ~_is_nan(cell)
    held = ibis.ifelse(fits, cell.value, 0.0)
    toward_zero = ibis.ifelse(held < 0, held.ceil(), held.floor()).cast("int64")
    return Cell(toward_zero, cell.ok & fits, "int")


def _to_text(cell: Cell) -> Cell:
    if cell.kind == "string":
        return cell
    if cell.kind != "int":
        raise _Unsaid
    return Cell(cell.value.cast("string"), cell.ok, "string")


def _clock(unit_seconds: int, periods: int) -> Callable[[Cell], Cell]:
    def compiled(cell: Cell) -> Cell:
        if cell.kind != "timestamp":
            raise _Unsaid
        unit = unit_seconds * 1_000_000
        of_day = _floored(cell.value, unit) % periods
        return Cell(of_day, cell.ok, "int")

    return compiled


def _day_of_week(cell: Cell) -> Cell:
    if cell.kind != "timestamp":
        raise _Unsaid
    days = _floored(cell.value, _DAY_SECONDS * 1_000_000)
    return Cell((days + 4) % 7, cell.ok, "int")


def _floored(value: Any, unit: int) -> Any:
    """Whole units of microseconds since 1970; instants before it are not asked for."""
    return ((value - value % unit) / unit).cast("int64")


_FUNCTIONS: Final[Mapping[tuple[str, int], Callable[..., Cell]]] = {
    ("_==_", 2): _equality,
    ("_!=_", 2): _difference,
    ("_<_", 2): _ordered(lambda one, other: one < other),
    ("_<=_", 2): _ordered(lambda one, other: one <= other),
    ("_>_", 2): _ordered(lambda one, other: one > other),
    ("_>=_", 2): _ordered(lambda one, other: one >= other),
    ("_+_", 2): _add,
    ("_-_", 2): _held(lambda one, other: one - other),
    ("_*_", 2): _held(lambda one, other: one * other),
    ("_/_", 2): _divide,
    ("_%_", 2): _remainder,
    ("-_", 1): _negate,
    ("size", 1): _length,
    ("contains", 2): _text(lambda text, part: text.contains(part)),
    ("startsWith", 2): _text(lambda text, part: text.startswith(part)),
    ("endsWith", 2): _text(lambda text, part: text.endswith(part)),
    ("matches", 2): _text(lambda text, pattern: text.re_search(pattern)),
    ("double", 1): _to_double,
    ("int", 1): _to_int,
    ("string", 1): _to_text,
    ("getHours", 1): _clock(3_600, 24),
    ("getMinutes", 1): _clock(60, 60),
    ("getSeconds", 1): _clock(1, 60),
    ("getDayOfWeek", 1): _day_of_week,
}
