"""The words of a shelf of names, found again by letters, sound, spelling and nickname.

Guards: a search gives at most `MOST_ALIKE` words, the most alike first, and remembers
`REMEMBERED` searches. Not done here: which names hold the words (`shelf.py`).
"""

from __future__ import annotations

from array import array
from collections import defaultdict

import numpy as np

from paywarden.aml.screening import words as tables
from paywarden.aml.screening.kernels import (
    TRIGRAMS,
    likenesses,
    rows_of,
    shared_trigrams,
    trigram_numbers,
)
from paywarden.aml.screening.parsing import Word
from paywarden.aml.screening.similarity import word_similarity
from paywarden.aml.screening.sounds import syllabic

LEAST_ALIKE = 0.62
LEAST_SHARED = 0.34
"""Share of the trigrams of a word that a candidate has to share."""
LONGEST_WORD = 60
SHORT_WORD = 5
WELL_KNOWN = 0.84
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
        self._rows = np.zeros((3, LONGEST_WORD + 2), np.int64)
        self._found = np.zeros(len(self.words), np.float32)
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

    def forget(self) -> None:
        """Drop remembered searches."""
        self._remembered.clear()

    def knows_well(self, word: Word) -> bool:
        """Whether a word stands here in nearly the same spelling."""
        if word.text in self._number:
            return True
        found = self.alike(word)
        return bool(found) and found[0][1] >= WELL_KNOWN

    def _search(self, word: Word) -> Alike:
        if word.kind == "number":
            number = self._number.get(word.text)
            return () if number is None else ((number, 1.0),)
        found = self._near(word)
        for number in self._of_one_sound(word):
            if number not in found:
                likeness = word_similarity(word, self.words[number])
                if likeness >= LEAST_ALIKE:
                    found[number] = likeness
        for text in _other_spellings(word.text):
            other = self._number.get(text)
            if other is not None:
                found[other] = word_similarity(word, self.words[other])
        ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
        return tuple(ranked[:MOST_ALIKE])

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
        found = set(self._by_sound.get(word.skeleton, ())[:MOST_ALIKE])
        key = syllabic(word.text)
        if key:
            found.update(self._by_sound.get("=" + key, ())[:MOST_ALIKE])
        if len(word.text) <= SHORT_WORD:
            letters = "~" + "".join(sorted(word.text))
            found.update(self._by_sound.get(letters, ())[:MOST_ALIKE])
        return found


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
