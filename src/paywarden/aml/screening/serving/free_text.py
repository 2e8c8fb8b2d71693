"""Names within free remittance text, without holding every word of every text against the lists.

Guards: a span is searched only where two of its words stand together in one listed name, written
as they are listed; a lone word finds nobody. So a text of invoices, months and surnames asks
nothing, and the number of searches is bounded by `MOST_SPANS`. What misspells every second word is
not found here: parties are screened by name, the text is a second look.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from paywarden.aml.screening.index import ScreeningIndex
from paywarden.aml.screening.parsing import ORGANISATION, PERSON, VESSEL, Word, kind_of, parse
from paywarden.aml.screening.shelf import Shelf

MOST_WORDS: Final = 520
"""Words of a text that are looked at: all that a thousand characters can hold."""
LONGEST_WORD: Final = 48
PIECE_WORDS: Final = 8
NEAR: Final = 3
"""Places by which two words of one name may lie apart."""
MOST_SPANS: Final = 12
SHORTEST: Final = 3
LEAST_WEIGHT: Final = 1.7
"""Weight of the words of a find together: one rare word and one that is not among the commonest."""
_TOKEN: Final = re.compile(r"[^\W_]+")
_JOINERS: Final = frozenset({"and", "und", "et", "og", "och", "ve", "oder", "or", "from", "to"})
KINDS: Final = (PERSON, ORGANISATION, VESSEL)


def telling(span: str, schema: str) -> bool:
    """Whether the words of a span are rare enough to name one party by themselves.

    `Ali Hassan` and `Global Energy` name thousands; with nothing beside the name they are no find.
    """
    return parse(span, kind_of(schema)).weight >= LEAST_WEIGHT


class FreeText:
    """Spans of a text that may name somebody of an index."""

    def __init__(self, index: ScreeningIndex) -> None:
        self._shelves: list[Shelf] = [index.shelf(kind) for kind in KINDS]

    def spans(self, text: str) -> list[str]:
        """Stretches of words that some listed name shares two words with, at most MOST_SPANS."""
        words = _words(text)
        found: dict[str, None] = {}
        for shelf in self._shelves:
            for start, end in _grown(self._pairs(shelf, words)):
                found[" ".join(words[start : end + 1])] = None
                if len(found) >= MOST_SPANS:
                    return list(found)
        return list(found)

    def _pairs(self, shelf: Shelf, words: list[str]) -> list[tuple[int, int]]:
        numbers = [_number(shelf, word) for word in words]
        pairs = []
        for left, number in enumerate(numbers):
            if number is None:
                continue
            for right in range(left + 1, min(left + NEAR, len(numbers) - 1) + 1):
                if shelf.kind == PERSON and words[right] in _JOINERS:
                    break  # Omar and Mohammed are two people
                other = numbers[right]
                if other is not None and other != number and _together(shelf, number, other):
                    pairs.append((left, right))
        return pairs


def _words(text: str) -> list[str]:
    """Words in Latin letters, as `parse` writes them, of the whole text piece by piece."""
    pieces = [token[:LONGEST_WORD] for token in _TOKEN.findall(text)]
    found = list[str]()
    for start in range(0, len(pieces), PIECE_WORDS):
        piece = " ".join(pieces[start : start + PIECE_WORDS])
        found += [word.text for word in parse(piece, ORGANISATION).words]
        if len(found) >= MOST_WORDS:
            break
    return found[:MOST_WORDS]


def _number(shelf: Shelf, text: str) -> int | None:
    number = shelf.vocabulary.number(text) if len(text) >= SHORTEST else None
    if number is None:
        return None
    word: Word = shelf.vocabulary.words[number]
    return number if word.kind == "name" else None


def _together(shelf: Shelf, one: int, other: int) -> bool:
    """Whether some listed name holds both words."""
    first, second = shelf.names_with(one), shelf.names_with(other)
    return bool(len(np.intersect1d(first, second, assume_unique=True)))


def _grown(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Pairs that touch as one stretch, and each pair by itself."""
    grown: list[tuple[int, int]] = []
    for start, end in sorted(pairs):
        if grown and start <= grown[-1][1]:
            grown[-1] = (grown[-1][0], max(end, grown[-1][1]))
        else:
            grown.append((start, end))
    return list(dict.fromkeys([*grown, *pairs]))
