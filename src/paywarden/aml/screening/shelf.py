"""Listed names of one kind (persons, organisations, vessels), found by the words of a query.

Guards, in order: words alike by vocabulary, words written as one (joined in the query, cut in the
list, or the other way), names that gather enough weight of words, then at most `limit` of them.
Initials find nothing by themselves; names whose every word is an initial are kept by their letters.
Memory: per name one offset, one weight, one entity and four octets per word.
"""

from __future__ import annotations

import itertools
from array import array

import numpy as np
import numpy.typing as npt

from paywarden.aml.screening.kernels import gather, rows_of
from paywarden.aml.screening.parsing import MAX_WORDS, ParsedName, Word, parse
from paywarden.aml.screening.sounds import fold, skeleton
from paywarden.aml.screening.vocabulary import Vocabulary
from paywarden.aml.screening.words import PARTICLES, TITLES

LEAST_WORTH = 0.63
SURE_WORTH = 0.97
"""Names of equal words, up to twice the limit, so that common words do not hide one of them."""
MOST_GATHERED = 64
MOST_READINGS = 12
SHORTEST_CUT = 5
MOST_CUTS = 3
FRAGMENT = 4
"""Letters up to which a strange word may be a piece of one that was cut."""
LONG = 9
"""Letters from which a strange word may be two words, one of them misspelt."""


class Shelf:
    """Add names, close, search."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.vocabulary = Vocabulary()
        self._pairs = array("i")
        self._weights = array("f")
        self._entities = array("i")
        self._texts = array("B")
        self._ends = array("q")

    def __len__(self) -> int:
        return len(self._entities)

    def add(self, entity: int, text: str) -> None:
        """Put a name of an entity (its number) on the shelf; nameless texts are left out."""
        parsed = parse(text, self.kind)
        wanted = _retrievable(parsed)
        if not wanted:
            return
        name = len(self._entities)
        also = _servants(parsed)
        for number in {self.vocabulary.add(word) for word in (*wanted, *also)}:
            self._pairs.extend((number, name))
        self._weights.append(sum(word.weight for word in wanted))
        self._entities.append(entity)
        self._texts.frombytes(text.encode("utf-8", "replace"))
        self._ends.append(len(self._texts))

    def close(self) -> None:
        """Freeze; nothing may be added afterwards."""
        self.vocabulary.close()
        flat = np.frombuffer(self._pairs, np.int32).reshape(-1, 2)
        self._starts, self._postings = rows_of(flat, len(self.vocabulary.words))
        del flat
        self._pairs = array("i")
        count = len(self)
        self._weight = np.array(self._weights, np.float32)
        self._gained = np.zeros(count, np.float32)
        self._stamps = np.zeros(count, np.int32)
        self._touched = np.zeros(count, np.int32)
        self._scores = np.zeros(count, np.float32)

    def text(self, name: int) -> str:
        """A name as listed."""
        start = self._ends[name - 1] if name else 0
        return self._texts[start : self._ends[name]].tobytes().decode()

    def entity(self, name: int) -> int:
        """The number of the entity of a name."""
        return self._entities[name]

    def names_with(self, word: int) -> npt.NDArray[np.int32]:
        """Numbers of the names that hold a word of the vocabulary, each once."""
        return self._postings[self._starts[word] : self._starts[word + 1]]

    def find(self, asked: ParsedName, limit: int) -> list[int]:
        """Numbers of names worth comparing, the most promising first, at most `limit`."""
        if not len(self):
            return []
        best: dict[int, float] = {}
        for words in self._readings(asked):
            names, worths = self._gather(words)
            for name, worth in zip(names, worths, strict=True):
                if worth > best.get(name, 0.0):
                    best[name] = worth
        ranked = sorted(best, key=lambda name: (-best[name], name))
        sure = sum(best[name] >= SURE_WORTH for name in ranked)
        return ranked[: min(max(limit, sure), 2 * limit)]

    def _gather(self, words: tuple[Word, ...]) -> tuple[list[int], list[float]]:
        units = [(self.vocabulary.alike(word), word.weight) for word in dict.fromkeys(words)]
        numbers = [number for unit, _ in units for number, _ in unit]
        if not numbers:
            return [], []
        gains = [weight * likeness for unit, weight in units for _, likeness in unit]
        ends = np.cumsum([len(unit) for unit, _ in units])
        weight = sum(weight for _, weight in units)
        kept = gather(
            np.array(numbers, np.int64), np.array(gains, np.float32), ends,
            self._starts, self._postings, self._weight, weight, LEAST_WORTH,
            self._gained, self._stamps, self._touched, self._scores,
        )  # fmt: skip
        names, scores = self._touched[:kept], self._scores[:kept]
        if kept > MOST_GATHERED:
            top = np.argpartition(-scores, MOST_GATHERED)[:MOST_GATHERED]
            names, scores = names[top], scores[top]
        return names.tolist(), scores.tolist()

    def _readings(self, asked: ParsedName) -> list[tuple[Word, ...]]:
        """The words as asked, then with neighbours written as one, then with a word cut in two."""
        words = _retrievable(asked)
        found = [words] if words else []
        for start, stop, joined in _joined(asked.words):
            strange = any(
                len(word.text) <= FRAGMENT and not self._known(word)
                for word in asked.words[start:stop]
            )
            if joined.text in self.vocabulary or (strange and self.vocabulary.knows_well(joined)):
                found.append(_kept((*asked.words[:start], joined, *asked.words[stop:])))
        for place, word in enumerate(asked.words):
            for parts in self._cuts(word):
                found.append(_kept((*asked.words[:place], *parts, *asked.words[place + 1 :])))
        return list(dict.fromkeys(found))[:MOST_READINGS]

    def _cuts(self, word: Word) -> list[tuple[Word, ...]]:
        """Ways to cut a word that was written as one into words of the shelf."""
        if word.kind != "name" or len(word.text) < SHORTEST_CUT or self._known(word):
            return []
        found, near = [], []
        for place in range(2, len(word.text) - 1):
            parts = self._part(word.text[:place]), self._part(word.text[place:])
            known = [self._known(part) for part in parts]
            if all(known):
                found.append(parts)
            elif any(known) and min(place, len(word.text) - place) > 3:
                near.append(parts)
        if not found and len(word.text) >= LONG and not self.vocabulary.knows_well(word):
            knows = self.vocabulary.knows_well
            near.sort(key=lambda parts: -max(len(p.text) for p in parts if self._known(p)))
            found = [parts for parts in near[:MOST_CUTS] if all(knows(p) for p in parts)]
        return list(found)

    def _part(self, text: str) -> Word:
        known = self.vocabulary.number(text)
        if known is not None:
            return self.vocabulary.words[known]
        if text in PARTICLES or text in TITLES or text == "abdul":
            return Word(text, text, text, 0.1, "weak")
        return Word(text, fold(text), skeleton(text), 1.0, "name")

    def _known(self, part: Word) -> bool:
        return part.kind == "weak" or part.text in self.vocabulary


def _retrievable(name: ParsedName) -> tuple[Word, ...]:
    return _kept(name.words)


def _kept(found: tuple[Word, ...]) -> tuple[Word, ...]:
    kept = tuple(dict.fromkeys(word for word in found if word.kind in ("name", "number")))
    return kept or tuple(word for word in found if word.kind == "initial")


def _servants(name: ParsedName) -> list[Word]:
    """`abdul` with the word that it belongs to, as one word: often written so, and misspelt so."""
    texts = [word.text for word in name.words]
    pairs = itertools.pairwise(texts)
    joined = ("abdul" + second for first, second in pairs if first == "abdul")
    return [Word(text, fold(text), skeleton(text), 1.0, "name") for text in joined]


def _joined(found: tuple[Word, ...]) -> list[tuple[int, int, Word]]:
    joined = []
    for length in (2, 3):
        for start in range(min(len(found), MAX_WORDS) - length + 1):
            part = found[start : start + length]
            if all(word.kind in ("name", "weak") for word in part):
                text = "".join(word.text for word in part)
                one = Word(text, fold(text), skeleton(text), 1.0, "name")
                joined.append((start, start + length, one))
    return joined
