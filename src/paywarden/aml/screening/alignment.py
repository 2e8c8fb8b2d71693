"""Which word of one name stands for which of the other.

Guards, in order: pairs of words from the most alike down, each word used once; two or three words
written as one (or one cut in pieces) count as a pair where they explain more than the words alone;
what is left over on either side is told apart by side. Cost: words of one name times the other's,
both bounded by `parsing.MAX_WORDS`.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.aml.screening.parsing import ParsedName, Word, named
from paywarden.aml.screening.similarity import (
    FLOOR,
    SAME_CONSONANTS,
    SAME_SYLLABLES,
    same_consonants,
    word_similarity,
)
from paywarden.aml.screening.writing import ABJADS, SYLLABLES

JOINED_FLOOR = 0.8
SURE = 0.97
"""Words this alike are a pair whatever their neighbours could be joined to."""
_LONGEST_JOIN = 3
SHORTEST_JOIN = 3
CROSSED = 0.8


@dataclass(frozen=True, slots=True)
class Pair:
    """Words `left` of one name (positions) that stand for words `right` of the other."""

    left: tuple[int, ...]
    right: tuple[int, ...]
    similarity: float
    weight: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """The pairs in order of the first name, and positions left over on each side."""

    pairs: tuple[Pair, ...]
    left_over: tuple[int, ...]
    right_over: tuple[int, ...]


def align(one: ParsedName, other: ParsedName) -> Alignment:
    """Pair the words of two names."""
    abjad = bool(one.scripts & ABJADS) != bool(other.scripts & ABJADS)
    found = _single(one.words, other.words, _doubt(one, other), abjad)
    sure = [pair for pair in found if pair.similarity > SURE]
    left_sure = {pair.left[0] for pair in sure}
    right_sure = {pair.right[0] for pair in sure}
    if len(left_sure) < len(one.words) or len(right_sure) < len(other.words):
        found += [
            Pair((j,), places, similarity, weight)
            for places, j, similarity, weight in _joined(other.words, one.words, left_sure)
        ]
        found += [
            Pair(places, (j,), similarity, weight)
            for places, j, similarity, weight in _joined(one.words, other.words, right_sure)
        ]
    found.sort(key=_worth, reverse=True)
    left, right, kept = set[int](), set[int](), []
    for pair in found:
        if left.isdisjoint(pair.left) and right.isdisjoint(pair.right):
            left.update(pair.left)
            right.update(pair.right)
            kept.append(pair)
    kept.sort(key=lambda pair: pair.left)
    return Alignment(
        tuple(kept),
        tuple(i for i in range(len(one.words)) if i not in left),
        tuple(j for j in range(len(other.words)) if j not in right),
    )


def _single(
    one: tuple[Word, ...], other: tuple[Word, ...], doubt: float, abjad: bool
) -> list[Pair]:
    found = []
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            similarity = word_similarity(a, b)
            if similarity < SAME_SYLLABLES:
                similarity *= doubt
                if abjad and same_consonants(a, b):
                    similarity = SAME_CONSONANTS
            if similarity >= FLOOR:
                near = 0.01 * (abs(i - j) == 0)
                weight = (a.weight + b.weight) / 2 + near
                found.append(Pair((i,), (j,), similarity, weight))
    return found


def _doubt(one: ParsedName, other: ParsedName) -> float:
    """Syllables out of Han or Hangul are no misspelt letters: unlike ones are other syllables."""
    in_syllables = [bool(name.scripts & SYLLABLES) for name in (one, other)]
    return CROSSED if in_syllables[0] != in_syllables[1] else 1.0


def _worth(pair: Pair) -> float:
    extra = len(pair.left) + len(pair.right) - 2
    return pair.similarity * pair.similarity * (pair.weight + 0.15 * extra)


def _joined(
    parts: tuple[Word, ...], wholes: tuple[Word, ...], settled: set[int]
) -> list[tuple[tuple[int, ...], int, float, float]]:
    """Runs of `parts` that one of `wholes` writes as one word; those `settled` are left alone."""
    found = []
    lengths = [0 if word.kind in ("initial", "number") else len(word.text) for word in parts]
    for j, whole in enumerate(wholes):
        length = len(whole.text)
        if j in settled or whole.kind != "name" or length < SHORTEST_JOIN:
            continue
        for start, stop in _runs(lengths, length):
            run = parts[start:stop]
            similarity = word_similarity(named("".join(word.text for word in run)), whole)
            if similarity >= JOINED_FLOOR:
                weight = max(whole.weight, *(word.weight for word in run))
                found.append((tuple(range(start, stop)), j, similarity * 0.99, weight))
    return found


def _runs(lengths: list[int], length: int) -> list[tuple[int, int]]:
    """Runs of two or three words that together have some `length` letters; 0 marks what never
    joins."""
    found = []
    for start in range(len(lengths) - 1):
        letters = lengths[start]
        for stop in range(start + 1, min(start + _LONGEST_JOIN, len(lengths))):
            if not lengths[start] or not lengths[stop]:
                break
            letters += lengths[stop]
            if abs(letters - length) <= 2:
                found.append((start, stop + 1))
    return found
