"""Conditions that a mined rule may be made of: a bound, a flag, a word, two fields that differ.

Guards: a condition is the text that the policy will hold, and the same question over columns; a
missing value never holds, as in a policy. Thresholds come from a grid that people can read (1,
1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times powers of ten; two digits where that is worth it); what the
rounding costs is measured (`measuring.py`). Only "at least" is asked of windows that are absent
while they are empty.
Shapes: n rows of a part.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from paywarden.lab.mining.features import (
    AMOUNT,
    DIFFERING,
    FLAGS,
    NUMBERS,
    WORDS,
    Window,
)
from paywarden.lab.mining.material import Material, Values
from paywarden.lab.mining.readable import SMALL, literal
from paywarden.risk.rules.cel.syntax import Literal, Place
from paywarden.risk.rules.cel.types import STRING
from paywarden.risk.rules.cel.unparse import unparse

Bools = npt.NDArray[np.bool_]
LEAST_HISTORY = 3
"""Payments that a mean has to stand on before an amount is set against it."""
MAX_WORDS = 12
_COUNTING = frozenset({"count", "sum"})
_REAL = frozenset({"avg", "stddev"})


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that conditions bound. `text`: as rules write it; `real`: a double.

    `mean`, `count`: for an amount as a multiple of a mean, the windows that it needs. `both`:
    whether "at most" may be asked, too. `path`: of a field, else empty.
    """

    text: str
    real: bool = False
    both: bool = True
    path: str = ""
    mean: str = ""
    count: str = ""

    def values(self, material: Material) -> Values:
        """Its values; a multiple of a mean is there where the mean stands on enough payments."""
        if self.mean:
            return _multiples(material, self.mean, self.count)
        if not self.path:
            return material.windows[self.text]
        column = material.columns.get(self.path)
        if column is None:
            nothing = np.zeros(len(material))
            return Values(nothing, nothing > 0)
        return Values(column.data.astype(np.float64), column.present())


def _multiples(material: Material, mean: str, count: str) -> Values:
    average, payments = material.windows[mean], material.windows[count]
    enough = average.valid & payments.valid & (payments.data >= LEAST_HISTORY)
    good = enough & (average.data > 0)
    return Values(np.where(good, material.value / np.where(good, average.data, 1), 0.0), good)


@dataclass(frozen=True, slots=True)
class Bound:
    """A quantity at least, or at most, a threshold (multiples of a mean: above)."""

    quantity: Quantity
    least: bool
    threshold: float

    @property
    def subject(self) -> str:
        """What is bounded; a rule bounds it once from each side."""
        return f"{self.quantity.text}{'>=' if self.least else '<='}"

    @property
    def text(self) -> str:
        """As a condition."""
        quantity = self.quantity
        number = literal(self.threshold, quantity.real)
        if quantity.mean:
            guard = f"{quantity.count} >= {LEAST_HISTORY}"
            return f"{guard} && {AMOUNT} > {number} * {quantity.mean}"
        if not self.least and self.threshold == 0:
            return f"{quantity.text} == 0"
        return f"{quantity.text} {'>=' if self.least else '<='} {number}"

    @property
    def words(self) -> str:
        """For a title."""
        number = literal(self.threshold, self.quantity.real)
        if self.quantity.mean:
            return f"amount above {number} times {self.quantity.mean}"
        return f"{self.quantity.text} at {'least' if self.least else 'most'} {number}"

    def holds(self, material: Material) -> Bools:
        """Where it holds, [n]."""
        values = self.quantity.values(material)
        if self.quantity.mean:
            mean = material.windows[self.quantity.mean].data
            return values.valid & (material.value > self.threshold * mean)
        beyond = values.data >= self.threshold if self.least else values.data <= self.threshold
        return np.asarray(values.valid & beyond)

    def reads(self) -> tuple[str, ...]:
        """Paths of fields and texts of windows."""
        quantity = self.quantity
        if quantity.mean:
            return (AMOUNT, quantity.mean, quantity.count)
        return (quantity.path or quantity.text,)


@dataclass(frozen=True, slots=True)
class Word:
    """A field that has one word, or a flag that is set (`word` empty)."""

    path: str
    word: str

    @property
    def subject(self) -> str:
        """A rule asks one word of a field."""
        return self.path

    @property
    def text(self) -> str:
        """As a condition."""
        if not self.word:
            return self.path
        return f"{self.path} == {unparse(Literal(self.word, STRING, Place(1, 1)))}"

    @property
    def words(self) -> str:
        """For a title."""
        return f"{self.path} {self.word}".strip()

    def holds(self, material: Material) -> Bools:
        """Where it holds, [n]."""
        column = material.columns.get(self.path)
        if column is None:
            return np.zeros(len(material), np.bool_)
        if not self.word:
            return np.asarray(column.present() & column.data.astype(np.bool_))
        if self.word not in column.dictionary:
            return np.zeros(len(material), np.bool_)
        return np.asarray(column.data == column.dictionary.index(self.word))

    def reads(self) -> tuple[str, ...]:
        """Paths of fields."""
        return (self.path,)


@dataclass(frozen=True, slots=True)
class Differ:
    """Two fields that are both there and differ."""

    left: str
    right: str

    @property
    def subject(self) -> str:
        """A rule compares two fields once."""
        return f"{self.left} {self.right}"

    @property
    def text(self) -> str:
        """As a condition that says what missing means."""
        return f"has({self.left}) && has({self.right}) && {self.left} != {self.right}"

    @property
    def words(self) -> str:
        """For a title."""
        return f"{self.left} other than {self.right}"

    def holds(self, material: Material) -> Bools:
        """Where it holds, [n]."""
        left, right = (material.columns.get(path) for path in (self.left, self.right))
        if left is None or right is None:
            return np.zeros(len(material), np.bool_)
        places = {text: code for code, text in enumerate(right.dictionary)}
        moved = np.array([*(places.get(text, -2) for text in left.dictionary), -3], np.int64)
        both = (left.data >= 0) & (right.data >= 0)
        return np.asarray(both & (moved[left.data] != right.data))

    def reads(self) -> tuple[str, ...]:
        """Paths of fields."""
        return (self.left, self.right)


Condition = Bound | Word | Differ


def holds(conditions: Sequence[Condition], material: Material) -> Bools:
    """Where all conditions hold."""
    held = np.ones(len(material), np.bool_)
    for condition in conditions:
        held &= condition.holds(material)
    return held


def quantities_of(material: Material, windows: Iterable[Window]) -> list[Quantity]:
    """Every number that may be bounded."""
    known = {window.text: window.aggregate for window in windows}
    found = [
        Quantity(path, path=path)
        for path in NUMBERS
        if path in material.columns and material.columns[path].kind == "int"
    ]
    for text, one in known.items():
        if one.function in ("first", "last", "stddev"):
            continue
        counting = one.function in _COUNTING
        found.append(Quantity(text, one.function in _REAL, counting))
        if one.function == "avg" and one.of == AMOUNT:
            for other, count in known.items():
                same = (count.by, count.window_us, count.where, count.exclude_current)
                if count.function == "count" and same == (
                    one.by, one.window_us, one.where, one.exclude_current,
                ):  # fmt: skip
                    name = f"{AMOUNT} / {text}"
                    found.append(Quantity(name, True, False, "", text, other))
                    break
    return found


def finer(bound: Bound) -> list[Bound]:
    """The same bound at thresholds of two digits, up to a third away."""
    if bound.threshold <= SMALL / 2 and not bound.quantity.real:
        steps = [bound.threshold + step for step in (-2, -1, 1, 2)]
    else:
        unit = 10.0 ** (math.floor(math.log10(bound.threshold)) - 1)
        if not bound.quantity.real:
            unit = max(unit, 1.0)
        middle = round(bound.threshold / unit)
        steps = [(middle + n) * unit for n in range(-(middle // 3), middle // 3 + 1) if n]
    return [replace(bound, threshold=float(f"{step:.6g}")) for step in steps if step > 0]


def words_of(material: Material) -> Iterator[Condition]:
    """Flags, frequent words among the targets, and fields that differ."""
    for path in FLAGS:
        if path in material.columns and material.columns[path].kind == "bool":
            yield Word(path, "")
    for path in WORDS:
        column = material.columns.get(path)
        if column is None or column.kind != "string" or len(column.dictionary) < 2:
            continue
        codes = column.data[material.part.target]
        counts = np.bincount(codes[codes >= 0], minlength=len(column.dictionary))
        for code in np.argsort(-counts, kind="stable")[:MAX_WORDS].tolist():
            if counts[code] and column.dictionary[code]:
                yield Word(path, column.dictionary[code])
    for left, right in DIFFERING:
        if left in material.columns and right in material.columns:
            yield Differ(left, right)
