"""The words of a shelf of names, found again by letters, sound, spelling and nickname.

Guards: a search gives at most `MOST_ALIKE` words, the most alike first, and remembers
`REMEMBERED` searches. Not done here: which names hold the words (`shelf.py`).
"""

from __future__ import annotations

from array import array
from collections import defaultdict

import numpy as np

from paywarden.aml.screening import words as tables
from paywarden.aml.screening.kernels import TRIGRAMS, rows_of, shared_trigrams, trigram_numbers
from paywarden.aml.screening.parsing import Word
from paywarden.aml.screening.similarity import word_similarity
from paywarden.aml.screening.sounds import syllabic

LEAST_ALIKE = 0.62
MOST_ALIKE = 96
REMEMBERED = 16_384
Alike = tuple[tuple[int, float], ...]


class Vocabulary:
    """Words numbered in order of arrival; frozen by `close`, searchable afterwards."""

    def __init__(self) -> None:
        self.words: list[Word] = []
        self._number: dict[str, int] = {}
        self._by_sound: dict[str, array[int]] = {}
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
            for gram in trigram_numbers(word.sound):
                pairs.extend((gram, number))
            sounds[word.skeleton].append(number)
            key = syllabic(word.text)
            if key:
                sounds["=" + key].append(number)
        flat = np.frombuffer(pairs, np.int32).reshape(-1, 2)
        self._starts, self._postings = rows_of(flat, TRIGRAMS)
        self._counts = np.zeros(len(self.words), np.int16)
        self._touched = np.zeros(len(self.words), np.int32)
        self._by_sound = dict(sounds)

    def alike(self, word: Word) -> Alike:
        """Numbers of words like this one, with likeness, the most alike first."""
        found = self._remembered.get(word.text)
        if found is None:
            if len(self._remembered) >= REMEMBERED:
                self._remembered.clear()
            found = self._remembered[word.text] = self._search(word)
        return found

    def _search(self, word: Word) -> Alike:
        if word.kind == "number":
            number = self._number.get(word.text)
            return () if number is None else ((number, 1.0),)
        candidates = self._candidates(word)
        judged = ((number, word_similarity(word, self.words[number])) for number in candidates)
        found = [(number, likeness) for number, likeness in judged if likeness >= LEAST_ALIKE]
        found.sort(key=lambda item: (-item[1], item[0]))
        return tuple(found[:MOST_ALIKE])

    def _candidates(self, word: Word) -> set[int]:
        grams = np.array(trigram_numbers(word.sound), np.int64)
        least = max(1, int(0.34 * len(grams)))
        count = shared_trigrams(
            grams, self._starts, self._postings, self._counts, self._touched, least
        )
        found = set(self._touched[:count].tolist())
        found.update(self._by_sound.get(word.skeleton, ()))
        key = syllabic(word.text)
        if key:
            found.update(self._by_sound.get("=" + key, ()))
        known = (self._number.get(text) for text in _other_spellings(word.text))
        found.update(number for number in known if number is not None)
        return found


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
