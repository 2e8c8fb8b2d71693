"""The words of a shelf of names, found again by letters, sound, spelling and nickname.

Guards: a search gives at most `MOST_ALIKE` words, the most alike first, and remembers
`REMEMBERED` searches. Not done here: which names hold the words (`shelf.py`).
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from paywarden.aml.screening import words as tables
from paywarden.aml.screening.columns import (
    bounded,
    lists_from,
    lists_of,
    long_as,
    rising,
    texts_from,
    texts_of,
)
from paywarden.aml.screening.kernels import (
    TRIGRAMS,
    Numbers,
    likenesses,
    rows_of,
    shared_trigrams,
    trigram_numbers,
)
from paywarden.aml.screening.parsing import WORD_KINDS, Word
from paywarden.aml.screening.similarity import (
    SAME_CONSONANTS,
    same_consonants,
    word_similarity,
)
from paywarden.aml.screening.sounds import syllabic

LEAST_ALIKE = 0.62
LEAST_SHARED = 0.34
"""Share of the trigrams of a word that a candidate has to share."""
LONGEST_WORD = 60
SHORT_WORD = 5
WELL_KNOWN = 0.84
MOST_ALIKE = 96
REMEMBERED = 16_384
Alike = tuple[Numbers, Numbers]
"""Numbers of words int64, likenesses float32, in falling order."""


class Vocabulary:
    """Words numbered in order of arrival; frozen by `close`, searchable afterwards."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self._number: dict[str, int] = {}
        self._by_sound: dict[str, Any] = {}
        self._remembered: dict[str, Alike] = {}

    def add(self, word: Word) -> int:
        """The number of a word, new or known."""
        number = self._number.setdefault(word.text, len(self.words))
        if number == len(self.words):
            self.words.append(word)
        return number

    def number(self, text: str) -> int | None:
        """The number of a word, or None where no name has it."""
        return self._number.get(text)

    def __contains__(self, text: str) -> bool:
        return text in self._number

    def close(self) -> None:
        """Build the indexes of trigrams and of sounds."""
        pairs = array("i")
        sounds: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        for number, word in enumerate(self.words):
            for gram in _grams(word):
                pairs.extend((gram, number))
            sounds[word.skeleton].append(number)
            key = syllabic(word.text)
            if key:
                sounds["=" + key].append(number)
            if len(word.text) <= SHORT_WORD:
                sounds["~" + "".join(sorted(word.text))].append(number)
        spelt, cuts = bytearray(), array("q", [0])
        for word in self.words:
            octets, ends = _spelt(word)
            cuts.extend(len(spelt) + end for end in ends)
            spelt += octets
        self._letters = np.frombuffer(spelt, np.uint8)
        self._cuts = np.frombuffer(cuts, np.int64)
        flat = np.frombuffer(pairs, np.int32).reshape(-1, 2)
        self._starts, self._postings = rows_of(flat, TRIGRAMS)
        self._by_sound = dict(sounds)
        self._make_scratch()

    def arrays(self) -> dict[str, Numbers]:
        """All that `of_arrays` needs, as flat arrays."""
        texts, starts, numbers = lists_of(self._by_sound)
        words = self.words
        return {
            "words": texts_of(word.text for word in words),
            "sounds": texts_of(word.sound for word in words),
            "skeletons": texts_of(word.skeleton for word in words),
            "weights": np.array([word.weight for word in words], np.float64),
            "kinds": np.array([WORD_KINDS.index(word.kind) for word in words], np.uint8),
            "heard": texts, "heard_starts": starts, "heard_words": numbers,
            "letters": self._letters, "cuts": self._cuts,
            "gram_starts": self._starts, "gram_words": self._postings,
        }  # fmt: skip

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Numbers]) -> Vocabulary:
        """A frozen vocabulary again. Errors: KeyError, ValueError for what does not fit."""
        made, weights = cls(), arrays["weights"].tolist()
        count, kinds = len(weights), long_as(arrays["kinds"], len(weights))
        bounded(kinds, len(WORD_KINDS))
        texts = [texts_from(arrays[name], count) for name in ("words", "sounds", "skeletons")]
        named = [WORD_KINDS[kind] for kind in kinds.tolist()]
        made.words = list(map(Word, *texts, weights, named))
        made._number = {text: number for number, text in enumerate(texts[0])}
        heard = lists_from(arrays["heard"], arrays["heard_starts"], arrays["heard_words"], count)
        made._by_sound = dict(heard)
        made._letters, made._cuts = arrays["letters"], long_as(arrays["cuts"], 3 * count + 1)
        rising(made._cuts, len(made._letters))
        if count and np.diff(made._cuts).max() > LONGEST_WORD:
            raise ValueError("a word is too long")
        made._starts = long_as(arrays["gram_starts"], TRIGRAMS + 1)
        made._postings = arrays["gram_words"]
        rising(made._starts, len(made._postings))
        bounded(made._postings, count)
        made._make_scratch()
        return made

    def _make_scratch(self) -> None:
        self._rows = np.zeros((3, LONGEST_WORD + 2), np.int64)
        self._found = np.zeros(len(self.words), np.float32)
        self._counts = np.zeros(len(self.words), np.int16)
        self._touched = np.zeros(len(self.words), np.int32)

    def alike(self, word: Word, voweled: bool = True) -> Alike:
        """Numbers of words like this one and their likenesses, the most alike first.

        `voweled` False: the word was written without its vowels, consonants are enough.
        """
        key = word.text if voweled else "=" + word.text
        found = self._remembered.get(key)
        if found is None:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            found = self._remembered[key] = self._search(word, voweled)
        return found

    def knows_well(self, word: Word) -> bool:
        """Whether a word stands here in nearly the same spelling."""
        if word.text in self._number:
            return True
        found = self.alike(word)
        return len(found[0]) > 0 and float(found[1][0]) >= WELL_KNOWN

    def _search(self, word: Word, voweled: bool) -> Alike:
        if word.kind == "number":
            number = self._number.get(word.text)
            return _arrays([] if number is None else [(number, 1.0)])
        found = self._near(word)
        for number in self._of_one_sound(word):
            if number not in found:
                other = self.words[number]
                likeness = word_similarity(word, other)
                if not voweled and same_consonants(word, other):
                    likeness = max(likeness, SAME_CONSONANTS)
                if likeness >= LEAST_ALIKE:
                    found[number] = likeness
        for text in _other_spellings(word.text):
            known = self._number.get(text)
            if known is not None:
                found[known] = word_similarity(word, self.words[known])
        ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return _arrays(ranked[:MOST_ALIKE])

    def _near(self, word: Word) -> dict[int, float]:
        """Words that share trigrams of sound and are few edits away."""
        grams = np.array(_grams(word), np.int64)
        least = max(1, int(LEAST_SHARED * len(word.sound)))
        count = shared_trigrams(
            grams, self._starts, self._postings, self._counts, self._touched, least
        )
        octets, ends = _spelt(word)
        asked = np.frombuffer(octets, np.uint8)
        count = likenesses(
            asked, np.array(ends), self._letters, self._cuts,
            self._touched, count, LEAST_ALIKE, self._rows, self._found,
        )  # fmt: skip
        return dict(zip(self._touched[:count].tolist(), self._found[:count].tolist(), strict=True))

    def _of_one_sound(self, word: Word) -> set[int]:
        keys, key = [word.skeleton], syllabic(word.text)
        if key:
            keys.append("=" + key)
        if len(word.text) <= SHORT_WORD:
            keys.append("~" + "".join(sorted(word.text)))
        lists = (self._by_sound[key][:MOST_ALIKE].tolist() for key in keys if key in self._by_sound)
        return {number for numbers in lists for number in numbers}


def _arrays(found: list[tuple[int, float]]) -> Alike:
    numbers, likenesses = zip(*found, strict=True) if found else ((), ())
    return np.array(numbers, np.int64), np.array(likenesses, np.float32)


def _grams(word: Word) -> list[int]:
    """Trigrams of the sound; of short words those of the letters too, where one edit leaves few."""
    grams = trigram_numbers(word.sound)
    if len(word.text) > SHORT_WORD or word.text == word.sound:
        return grams
    return sorted({*grams, *trigram_numbers(word.text)})


def _spelt(word: Word) -> tuple[bytes, list[int]]:
    """Letters, sound and consonants of a word one after another, and where each ends."""
    parts = [part[:LONGEST_WORD].encode() for part in (word.text, word.sound, word.skeleton)]
    first, second, third = (len(part) for part in parts)
    return b"".join(parts), [first, first + second, first + second + third]


def _other_spellings(text: str) -> set[str]:
    found = {text}
    row = tables.VARIANT_OF.get(text)
    if row is not None:
        found.update(_SPELLINGS[row])
    for number in tables.NICKNAMES_OF.get(text, ()):
        found.update(_SHORTENED[number])
    return found


_SPELLINGS = tables.rows(tables.VARIANTS)
_SHORTENED = tables.rows(tables.NICKNAMES)
