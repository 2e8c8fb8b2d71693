"""Texts and checked offsets as flat arrays: how the parts of an index are written and read back.

Guards: `bounded` and `rising` raise ValueError for numbers that would point outside, because the
loops that use them check nothing. Texts joined here hold no line feed (words, identifiers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from paywarden.aml.screening.kernels import Numbers

_BETWEEN = "\n"


def texts_of(texts: Iterable[str]) -> Numbers:
    """Texts one after another, uint8."""
    return np.frombuffer(_BETWEEN.join(texts).encode(), np.uint8)


def texts_from(octets: Numbers, count: int) -> list[str]:
    """The `count` texts again. Errors: ValueError for another number of them."""
    found = octets.tobytes().decode().split(_BETWEEN) if count else []
    if len(found) != count:
        raise ValueError("texts and their count do not agree")
    return found


def lists_of(lists: Mapping[str, Iterable[int]]) -> tuple[Numbers, Numbers, Numbers]:
    """Lists of numbers by text: texts uint8, starts int64, numbers int32."""
    rows = [np.array(list(one), np.int32) for one in lists.values()]
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(row) for row in rows], out=starts[1:])
    numbers = np.concatenate(rows) if rows else np.zeros(0, np.int32)
    return texts_of(lists), starts, numbers


def lists_from(texts: Numbers, starts: Numbers, numbers: Numbers, most: int) -> dict[str, Numbers]:
    """The lists again; their numbers lie below `most`."""
    rising(starts, len(numbers))
    bounded(numbers, most)
    keys, cuts = texts_from(texts, len(starts) - 1), starts.tolist()
    pairs = zip(keys, cuts[:-1], cuts[1:], strict=True)
    return {key: numbers[begin:end] for key, begin, end in pairs}


def rising(starts: Numbers, most: int) -> None:
    """Offsets from nought to `most`, none before its forerunner."""
    if not len(starts) or starts[0] != 0 or starts[-1] != most or (np.diff(starts) < 0).any():
        raise ValueError("offsets do not rise to the end")


def bounded(numbers: Numbers, most: int) -> None:
    """Numbers from nought up to, without, `most`."""
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= most):
        raise ValueError("a number points outside")


def long_as(numbers: Numbers, count: int) -> Numbers:
    """The array itself, if it has `count` members."""
    if len(numbers) != count:
        raise ValueError("an array has another length")
    return numbers
