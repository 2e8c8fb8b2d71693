"""Compiled loops of the index: shared trigrams of words, and names that gather words.

Guards: no allocation and no bound checks inside, so callers pass scratch arrays of the right size;
scratch is left clean (zero) at the end of each call. Machine code is cached where
`paywarden.risk.features.jit` allows; each function stands alone, so numba notices its changes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.jit import door

Numbers: TypeAlias = npt.NDArray[Any]
"""An array whose type of number the docstring of each loop names."""


@door
def shared_trigrams(
    grams: Numbers,
    starts: Numbers,
    postings: Numbers,
    counts: Numbers,
    touched: Numbers,
    least: int,
) -> int:
    """Words that share at least `least` of the `grams` into `touched`; how many.

    `starts` int64 [grams+1], `postings` int32, `counts` int16 [words] all zero before and after.
    """
    found = 0
    for gram in grams:
        for place in range(starts[gram], starts[gram + 1]):
            word = postings[place]
            if counts[word] == 0:
                touched[found] = word
                found += 1
            counts[word] += 1
    kept = 0
    for place in range(found):
        word = touched[place]
        if counts[word] >= least:
            touched[kept] = word
            kept += 1
        counts[word] = 0
    return kept


@door
def likenesses(
    asked: Numbers,
    asked_ends: Numbers,
    letters: Numbers,
    starts: Numbers,
    words: Numbers,
    count: int,
    least: float,
    rows: Numbers,
    found: Numbers,
) -> int:
    """Likeness of an asked word to `words[:count]` into `found`; drops those below `least`.

    `asked` uint8: letters, sound, consonants one after another, cut at `asked_ends` [3]. `letters`
    uint8 holds the same three of every word, cut at `starts` int64 [3*words+1]. `rows` int64
    [3, 64] is scratch; words are at most 62 long. The formula is that of `similarity.py`.
    """
    kept, apart, sounded = 0, 0, 0
    for at in range(count):
        word = words[at]
        off0 = abs(asked_ends[0] - (starts[3 * word + 1] - starts[3 * word]))
        off1 = abs(asked_ends[1] - asked_ends[0] - (starts[3 * word + 2] - starts[3 * word + 1]))
        off2 = abs(asked_ends[2] - asked_ends[1] - (starts[3 * word + 3] - starts[3 * word + 2]))
        longer = max(asked_ends[0], starts[3 * word + 1] - starts[3 * word])
        sound = max(asked_ends[1] - asked_ends[0], starts[3 * word + 2] - starts[3 * word + 1])
        if 1.0 - off0 / longer < least and 0.98 - 0.5 * (off1 + off2) / sound < least:
            continue
        for part in range(3):
            a0 = 0 if part == 0 else asked_ends[part - 1]
            a1 = asked_ends[part]
            b0, b1 = starts[3 * word + part], starts[3 * word + part + 1]
            before, last, row = 0, 1, 2
            for j in range(b1 - b0 + 1):
                rows[last, j] = j
            for i in range(1, a1 - a0 + 1):
                rows[row, 0] = i
                for j in range(1, b1 - b0 + 1):
                    differ = 0 if asked[a0 + i - 1] == letters[b0 + j - 1] else 1
                    best = min(rows[last, j - 1] + differ, rows[last, j] + 1, rows[row, j - 1] + 1)
                    if (
                        part < 2
                        and i > 1
                        and j > 1
                        and asked[a0 + i - 1] == letters[b0 + j - 2]
                        and asked[a0 + i - 2] == letters[b0 + j - 1]
                    ):
                        best = min(best, rows[before, j - 2] + 1)
                    rows[row, j] = best
                before, last, row = last, row, before
            if part == 0:
                apart = rows[last, b1 - b0]
            elif part == 1:
                sounded = rows[last, b1 - b0]
            else:
                sounded += rows[last, b1 - b0]
        by_letters = 1.0 - apart / longer
        by_sound = 0.98 - 0.5 * sounded / sound
        likeness = max(by_letters, by_sound)
        if likeness >= least:
            words[kept] = word
            found[kept] = likeness
            kept += 1
    return kept


@door
def gather(
    words: Numbers,
    gains: Numbers,
    unit_ends: Numbers,
    starts: Numbers,
    postings: Numbers,
    weights: Numbers,
    asked_weight: float,
    least: float,
    gained: Numbers,
    stamps: Numbers,
    touched: Numbers,
    scores: Numbers,
) -> int:
    """Names that gather enough weight from the units of a query; how many.

    A unit (one asked word) gives a name its best gain only: `words` stand in falling order of
    `gains` within a unit, `unit_ends` close units. Names kept into `touched`, worth into `scores`
    (0..1, the mean of the share of the shorter side and of both sides).
    """
    found, place, unit = 0, 0, 1
    for end in unit_ends:
        while place < end:
            word, gain = words[place], gains[place]
            place += 1
            for at in range(starts[word], starts[word + 1]):
                name = postings[at]
                if stamps[name] == unit:
                    continue
                if stamps[name] == 0:
                    touched[found] = name
                    found += 1
                stamps[name] = unit
                gained[name] += gain
        unit += 1
    kept = 0
    for at in range(found):
        name = touched[at]
        both = weights[name] + asked_weight
        shorter = min(weights[name], asked_weight)
        worth = 0.5 * min(1.0, gained[name] / shorter) + min(0.5, gained[name] / both)
        gained[name] = 0.0
        stamps[name] = 0
        if worth >= least:
            touched[kept] = name
            scores[kept] = worth
            kept += 1
    return kept


def trigram_numbers(sound: str) -> list[int]:
    """Numbers of the trigrams of a word with its borders, each below TRIGRAMS."""
    codes = [0, *(_CODE.get(char, 37) for char in sound), 0]
    codes = [0, *codes] if len(codes) < 4 else codes
    return sorted(
        {a * 1444 + b * 38 + c for a, b, c in zip(codes, codes[1:], codes[2:], strict=False)}
    )


TRIGRAMS = 38**3
_CODE = {char: place + 1 for place, char in enumerate("abcdefghijklmnopqrstuvwxyz0123456789")}


def rows_of(pairs: Numbers, count: int) -> tuple[Numbers, Numbers]:
    """Compressed rows of pairs (row, value) [n, 2]: starts int64 [count+1], values int32 [n]."""
    order = np.argsort(pairs[:, 0], kind="stable")
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(pairs[:, 0], minlength=count), out=starts[1:])
    return starts, pairs[order, 1].astype(np.int32)
