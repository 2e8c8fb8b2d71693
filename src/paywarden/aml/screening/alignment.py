"""Which word of one name stands for which of the other.

Guards, in order: pairs of words from the most alike down, each word used once; two or three words
written as one (or one cut in pieces) count as a pair where they explain more than the words alone;
what is left over on either side is told apart by side. Cost: words of one name times the other's,
both bounded by `parsing.MAX_WORDS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from paywarden.aml.screening.parsing import ParsedName, Word
from paywarden.aml.screening.similarity import word_similarity
from paywarden.aml.screening.sounds import fold, skeleton

JOINED_FLOOR = 0.8
_LONGEST_JOIN = 3


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
    found = _single(one.words, other.words)
    exact = sum(pair.similarity > 0.97 for pair in found)
    if exact < min(len(one.words), len(other.words)) or len(one.words) != len(other.words):
        found += _joined(one.words, other.words)
    found.sort(key=lambda p: -(p.similarity * (p.weight + 0.3 * (len(p.left) + len(p.right) - 2))))
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


def _single(one: tuple[Word, ...], other: tuple[Word, ...]) -> list[Pair]:
    found = []
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            similarity = word_similarity(a, b)
            if similarity:
                near = 0.01 * (abs(i - j) == 0)
                weight = (a.weight + b.weight) / 2 + near
                found.append(Pair((i,), (j,), similarity, weight))
    return found


def _joined(one: tuple[Word, ...], other: tuple[Word, ...]) -> list[Pair]:
    found = []
    for runs, singles, turned in ((one, other, False), (other, one, True)):
        for places, run in _runs(runs):
            for j, single in enumerate(singles):
                if abs(len(single.text) - len(run.text)) > 2 or single.kind != "name":
                    continue
                similarity = word_similarity(run, single)
                if similarity >= JOINED_FLOOR:
                    pair = ((j,), places) if turned else (places, (j,))
                    found.append(Pair(*pair, similarity * 0.99, max(run.weight, single.weight)))
    return found


def _runs(found: tuple[Word, ...]) -> list[tuple[tuple[int, ...], Word]]:
    runs = []
    for length in range(2, _LONGEST_JOIN + 1):
        for start in range(len(found) - length + 1):
            places = tuple(range(start, start + length))
            part = found[start : start + length]
            if any(word.kind in ("initial", "number") for word in part):
                continue
            text = "".join(word.text for word in part)
            weight = max(word.weight for word in part)
            runs.append((places, _run_word(text, weight)))
    return runs


@lru_cache(maxsize=65_536)
def _run_word(text: str, weight: float) -> Word:
    return Word(text, fold(text), skeleton(text), weight, "name")
