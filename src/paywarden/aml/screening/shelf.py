"""Listed names of one kind (persons, organisations, vessels), found by the words of a query.

Guards, in order: words alike by vocabulary, words written as one (joined in the query, cut in the
list, or the other way), names that gather enough weight of words, then at most `limit` of them.
Initials find nothing by themselves; names whose every word is an initial are kept by their letters.
Memory: per name one offset, one weight, one entity and four octets per word.
"""

from __future__ import annotations

import heapq
import itertools
import re
from array import array
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
from rapidfuzz import fuzz

from paywarden.aml.screening.columns import bounded, long_as, rising, texts_from, texts_of
from paywarden.aml.screening.kernels import Numbers, gather, rows_of
from paywarden.aml.screening.parsing import MAX_WORDS, ParsedName, Word, named, parse, plain_words
from paywarden.aml.screening.rarity import GENERAL, Rarity, counted_bits
from paywarden.aml.screening.vocabulary import Vocabulary
from paywarden.aml.screening.words import PARTICLES, TITLES
from paywarden.aml.screening.writing import ABJADS, latin

LEAST_WORTH = 0.63
SURE_WORTH = 0.97
"""Names of equal words, up to twice the limit, so that common words do not hide one of them."""
MOST_GATHERED = 128
MOST_SPELT = 96
LETTERS_WORTH = 0.5
"""What letters say beside worth where there are more names than are compared in full."""
MOST_READINGS = 12
SHORTEST_CUT = 5
MOST_CUTS = 3
FRAGMENT = 4
"""Letters up to which a strange word may be a piece of one that was cut."""
LONG = 9
"""Letters from which a strange word may be two words, one of them misspelt."""


_WORD = re.compile(r"[a-z0-9]+")
_BESIDE = PARTICLES | TITLES | {"abdul"}


class Shelf:
    """Add names, close, search."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.vocabulary = Vocabulary()
        self.rarity = GENERAL
        self._pairs = array("i")
        self._weights = array("f")
        self._entities: Any = array("i")
        self._weak: Any = array("B")
        self._texts: Any = array("B")
        self._ends: Any = array("q")

    def __len__(self) -> int:
        return len(self._entities)

    def add(self, entity: int, text: str, weak: bool = False) -> None:
        """Put a name of an entity (its number) on the shelf; nameless texts are left out.

        `weak`: the publisher itself says that the name is of low quality.
        """
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
        self._weak.append(weak)
        self._texts.frombytes(text.encode("utf-8", "replace"))
        self._ends.append(len(self._texts))

    def close(self) -> None:
        """Freeze; nothing may be added afterwards."""
        self.vocabulary.close()
        flat = np.frombuffer(self._pairs, np.int32).reshape(-1, 2)
        self._starts, self._postings = rows_of(flat, len(self.vocabulary.words))
        self.rarity = Rarity(self._counted(flat), plain_words(self.kind))
        del flat
        self._pairs = array("i")
        self._weight = np.array(self._weights, np.float32)
        self._entities = np.frombuffer(self._entities, np.int32)
        self._weak = np.frombuffer(self._weak, np.uint8)
        self._texts = np.frombuffer(self._texts, np.uint8)
        self._ends = np.frombuffer(self._ends, np.int64)
        self._make_scratch()

    def _make_scratch(self) -> None:
        count = len(self)
        self._gained = np.zeros(count, np.float32)
        self._stamps = np.zeros(count, np.int32)
        self._touched = np.zeros(count, np.int32)
        self._scores = np.zeros(count, np.float32)

    def arrays(self) -> dict[str, Numbers]:
        """All that `of_arrays` needs, as flat arrays."""
        counted = self.rarity.counted
        return {
            **self.vocabulary.arrays(),
            "counted": texts_of(counted),
            "counted_bits": np.array(list(counted.values()), np.float64),
            "starts": self._starts, "names": self._postings, "weight": self._weight,
            "entities": self._entities, "weak": self._weak,
            "texts": self._texts, "ends": self._ends,
        }  # fmt: skip

    @classmethod
    def of_arrays(cls, kind: str, arrays: Mapping[str, Numbers], entities: int) -> Shelf:
        """A frozen shelf again. Errors: KeyError, ValueError for what does not fit."""
        made = cls(kind)
        made.vocabulary = Vocabulary.of_arrays(arrays)
        bits = arrays["counted_bits"].tolist()
        counted = dict(zip(texts_from(arrays["counted"], len(bits)), bits, strict=True))
        made.rarity = Rarity(counted, plain_words(kind))
        made._entities, count = arrays["entities"], len(arrays["entities"])
        bounded(made._entities, entities)
        made._starts = long_as(arrays["starts"], len(made.vocabulary.words) + 1)
        made._postings, made._weight = arrays["names"], long_as(arrays["weight"], count)
        rising(made._starts, len(made._postings))
        bounded(made._postings, count)
        made._weak = long_as(arrays["weak"], count)
        made._texts, made._ends = arrays["texts"], long_as(arrays["ends"], count)
        rising(np.concatenate(([0], made._ends)), len(made._texts))
        made._make_scratch()
        return made

    def names_with(self, word: int) -> Numbers:
        """Numbers (int32) of the names that hold a word of the vocabulary, each once."""
        return self._postings[self._starts[word] : self._starts[word + 1]]

    def _counted(self, flat: Numbers) -> dict[str, float]:
        """Bits of the words that several entries have."""
        words = self.vocabulary.words
        entities = np.frombuffer(self._entities, np.int32)
        pairs = flat[:, 0].astype(np.int64) << 32 | entities[flat[:, 1]]
        bearers = np.bincount(np.unique(pairs) >> 32, minlength=len(words))
        entries = len(np.unique(entities))
        several = np.flatnonzero(bearers > 1)
        return {
            words[number].text: counted_bits(int(bearers[number]), entries)
            for number in several.tolist()
        }

    def text(self, name: int) -> str:
        """A name as listed."""
        start = self._ends[name - 1] if name else 0
        octets: bytes = self._texts[start : self._ends[name]].tobytes()
        return octets.decode()

    def entity(self, name: int) -> int:
        """The number of the entity of a name."""
        return int(self._entities[name])

    def weak(self, name: int) -> bool:
        """Whether the publisher calls this name of low quality."""
        return bool(self._weak[name])

    def find_whole(self, asked: ParsedName, limit: int, least: float) -> list[int]:
        """Like `find`, but only names whose every word may have a like one (`least`) in the other:
        cheaper, since most queries end at their first strange word."""
        words = _retrievable(asked)
        joined = [text for _, _, text in _joined(asked.words) if text in self.vocabulary]
        if not joined and not all(self._likely(word, least) for word in words):
            return []
        return self.find(asked, limit)

    def _likely(self, word: Word, least: float) -> bool:
        likenesses = self.vocabulary.alike(word)[1]
        return len(likenesses) > 0 and float(likenesses[0]) >= least

    def find(self, asked: ParsedName, limit: int) -> list[int]:
        """Numbers of names worth comparing, the most promising first, at most `limit`."""
        if not len(self):
            return []
        best: dict[int, float] = {}
        voweled = not asked.scripts & ABJADS
        for words in self._readings(asked):
            names, worths = self._gather(words, voweled)
            for name, worth in zip(names, worths, strict=True):
                if worth > best.get(name, 0.0):
                    best[name] = worth
        if len(best) > limit:
            best = self._by_letters(asked, best)
        ranked = sorted(best, key=lambda name: (-best[name], name))
        sure = sum(best[name] >= SURE_WORTH for name in ranked)
        return ranked[: min(max(limit, sure), 2 * limit)]

    def _by_letters(self, asked: ParsedName, best: dict[int, float]) -> dict[int, float]:
        """Where too many names share common words, their letters say which to compare first."""
        most = heapq.nlargest(MOST_SPELT, best, key=lambda name: (best[name], -name))
        text = " ".join(sorted(word.text for word in asked.words))
        likeness = partial(fuzz.ratio, text)
        return {
            name: best[name] + LETTERS_WORTH * (likeness(_sorted_words(self.text(name))) / 100 - 1)
            for name in most
        }

    def _gather(self, words: tuple[Word, ...], voweled: bool) -> tuple[list[int], list[float]]:
        kept_words = tuple(dict.fromkeys(words))
        units = [self.vocabulary.alike(word, voweled) for word in kept_words]
        numbers = np.concatenate([unit[0] for unit in units])
        if not len(numbers):
            return [], []
        weights = [word.weight for word in kept_words]
        gains = [unit[1] * weight for unit, weight in zip(units, weights, strict=True)]
        ends = np.cumsum([len(unit[0]) for unit in units])
        weight = sum(weights)
        kept = gather(
            numbers, np.concatenate(gains).astype(np.float32), ends,
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
        for start, stop, text in _joined(asked.words):
            if self._stands_as_one(text, asked.words[start:stop]):
                joined = (*asked.words[:start], named(text), *asked.words[stop:])
                found.append(_kept(joined))
        for place, word in enumerate(asked.words):
            for parts in self._cuts(word):
                found.append(_kept((*asked.words[:place], *parts, *asked.words[place + 1 :])))
        return list(dict.fromkeys(one for one in found if one))[:MOST_READINGS]

    def _stands_as_one(self, text: str, run: tuple[Word, ...]) -> bool:
        """Whether words of the query stand here as one: as written, or nearly so where one of them
        is a strange fragment."""
        if text in self.vocabulary:
            return True
        strange = any(len(word.text) <= FRAGMENT and not self._known(word) for word in run)
        return strange and self.vocabulary.knows_well(named(text))

    def _cuts(self, word: Word) -> list[tuple[Word, ...]]:
        """Ways to cut a word that was written as one into words of the shelf."""
        text = word.text
        if word.kind != "name" or len(text) < SHORTEST_CUT or self._known(word):
            return []
        found, near = [], []
        for place in range(2, len(text) - 1):
            head, tail = self._stands(text[:place]), self._stands(text[place:])
            if head and tail:
                found.append(place)
            elif (head or tail) and min(place, len(text) - place) > 3:
                near.append((len(text) - place if tail else place, place))
        if not found and near and len(text) >= LONG and not self.vocabulary.knows_well(word):
            near.sort(key=lambda one: -one[0])
            found = [place for _, place in near[:MOST_CUTS] if self._cut_well(text, place)]
        return [(self._part(text[:place]), self._part(text[place:])) for place in found]

    def _cut_well(self, text: str, place: int) -> bool:
        parts = self._part(text[:place]), self._part(text[place:])
        return all(part.kind == "weak" or self.vocabulary.knows_well(part) for part in parts)

    def _stands(self, text: str) -> bool:
        """Whether a piece of a word stands here, or is a word that names carry beside."""
        return text in self.vocabulary or text in _BESIDE

    def _part(self, text: str) -> Word:
        known = self.vocabulary.number(text)
        if known is not None:
            return self.vocabulary.words[known]
        return Word(text, text, text, 0.1, "weak") if text in _BESIDE else named(text)

    def _known(self, part: Word) -> bool:
        return part.kind == "weak" or part.text in self.vocabulary


@lru_cache(maxsize=65_536)
def _sorted_words(text: str) -> str:
    return " ".join(sorted(_WORD.findall(latin(text).lower())))


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
    return [named(text) for text in joined]


def _joined(found: tuple[Word, ...]) -> list[tuple[int, int, str]]:
    """Runs of two or three words, from, to and written as one."""
    joined = []
    for length in (2, 3):
        for start in range(min(len(found), MAX_WORDS) - length + 1):
            part = found[start : start + length]
            if all(word.kind in ("name", "weak") for word in part):
                joined.append((start, start + length, "".join(word.text for word in part)))
    return joined
