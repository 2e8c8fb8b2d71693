"""Sets of values that one name may have: intervals over an ordered carrier, and small marks.

Guards: `Spans` is exact for whole numbers, instants, doubles and texts; missing and NaN are members
of their own. It is kept as a list of cuts at which membership turns, so that complement and
intersection are exact and linear. `Marks` is a set of at most a few named answers as bits. A set
that says it is empty is empty; doubles and texts between two neighbours may be empty unseen, which
only ever makes a proof fail.

>>> at_least(5).meet(at_least(5).complement()).empty
True
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Cut = tuple[Any, int]
"""(value, 0) lies just before the value, (value, 1) just after it."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Values of one carrier. `low`: whether it begins below every value; `cuts`: where it turns."""

    absent: bool = False
    nan: bool = False
    low: bool = False
    cuts: tuple[Cut, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is in it, not even "missing"."""
        return not (self.absent or self.nan or self.low or self.cuts)

    @property
    def valued(self) -> bool:
        """Whether it holds anything but "missing"."""
        return self.nan or self.low or bool(self.cuts)

    def complement(self) -> Spans:
        """Everything else, missing and NaN included."""
        return Spans(not self.absent, not self.nan, not self.low, self.cuts)

    def meet(self, other: Spans) -> Spans:
        """What is in both."""
        low, cuts = _joined(self, other)
        return Spans(self.absent and other.absent, self.nan and other.nan, low, cuts)

    def within(self, other: Spans) -> bool:
        """Whether nothing of it lies outside of `other`."""
        return self.meet(other.complement()).empty

    def least(self) -> Any | None:
        """A bound that no value lies below, or None."""
        return None if self.low or not self.cuts else self.cuts[0][0]

    def most(self) -> Any | None:
        """A bound that no value lies above, or None."""
        if not self.cuts or (len(self.cuts) % 2 == 0) == self.low:
            return None
        return self.cuts[-1][0]

    def ranges(self) -> list[tuple[Cut | None, Cut | None]]:
        """Pieces from cut to cut, None where a side is open-ended."""
        edges: list[Cut | None] = [*((None,) if self.low else ()), *self.cuts]
        if len(edges) % 2:
            edges.append(None)
        return list(zip(edges[::2], edges[1::2], strict=True))


def _joined(left: Spans, right: Spans) -> tuple[bool, tuple[Cut, ...]]:
    a, b = left.cuts, right.cuts
    in_a, in_b = left.low, right.low
    i = j = 0
    cuts: list[Cut] = []
    while i < len(a) or j < len(b):
        if j == len(b) or (i < len(a) and a[i] <= b[j]):
            cut = a[i]
        else:
            cut = b[j]
        before = in_a and in_b
        if i < len(a) and a[i] == cut:
            in_a, i = not in_a, i + 1
        if j < len(b) and b[j] == cut:
            in_b, j = not in_b, j + 1
        if (in_a and in_b) != before:
            cuts.append(cut)
    return left.low and right.low, tuple(cuts)


NOTHING = Spans()
ABSENT = Spans(absent=True)
PRESENT = Spans(nan=True, low=True)
ANYTHING = Spans(True, True, True)


def _after(value: Any) -> Cut:
    """The cut behind a value; of whole numbers the one before the next, so that 4 meets 5."""
    return (value + 1, 0) if type(value) is int else (value, 1)


def at_least(value: Any) -> Spans:
    """value and above."""
    return Spans(cuts=((value, 0),))


def above(value: Any) -> Spans:
    """Above value."""
    return Spans(cuts=(_after(value),))


def at_most(value: Any) -> Spans:
    """value and below."""
    return Spans(low=True, cuts=(_after(value),))


def below(value: Any) -> Spans:
    """Below value."""
    return Spans(low=True, cuts=((value, 0),))


def points(values: Iterable[Any]) -> Spans:
    """Exactly these values."""
    cuts: list[Cut] = []
    for value in sorted(set(values)):
        first = (value, 0)
        if cuts and cuts[-1] == first:
            cuts.pop()
        else:
            cuts.append(first)
        cuts.append(_after(value))
    return Spans(cuts=tuple(cuts))


def between(low: Any, high: Any) -> Spans:
    """low to high, both included."""
    return at_least(low).meet(at_most(high))


@dataclass(frozen=True, slots=True)
class Marks:
    """Answers that something may give, as bits of a mask of `width` bits."""

    bits: int
    width: int

    @property
    def empty(self) -> bool:
        """Whether no answer is left."""
        return not self.bits

    def complement(self) -> Marks:
        """Every other answer."""
        return Marks(((1 << self.width) - 1) & ~self.bits, self.width)

    def meet(self, other: Marks) -> Marks:
        """Answers of both."""
        return Marks(self.bits & other.bits, self.width)

    def within(self, other: Marks) -> bool:
        """Whether every answer is one of `other`."""
        return not self.bits & ~other.bits


ValueSet = Spans | Marks
