"""Listed names of one kind (persons, organisations, vessels), found by the words of a query.

Guards, in order: words alike by vocabulary, words written as one (joined in the query, cut in the
list, or the other way), names that gather enough weight of words, then at most `limit` of them.
Initials find nothing by themselves; names whose every word is an initial are kept by their letters.
Memory: per name one offset, one weight, one entity and four octets per word.
"""

from __future__ import annotations

from array import array

import numpy as np

from paywarden.aml.screening.kernels import gather, rows_of
from paywarden.aml.screening.parsing import MAX_WORDS, ParsedName, Word, parse
from paywarden.aml.screening.sounds import fold, skeleton
from paywarden.aml.screening.vocabulary import Vocabulary
from paywarden.aml.screening.words import PARTICLES

LEAST_WORTH = 0.6
MOST_UNITS = 64
SHORTEST_CUT = 6
_JOINED_WEIGHT = 1.0


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
        for number in {self.vocabulary.add(word) for word in wanted}:
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

    def frequency(self, text: str) -> int:
        """In how many names of the shelf a word stands."""
        number = self.vocabulary.number(text)
        return 0 if number is None else int(self._starts[number + 1] - self._starts[number])

    def text(self, name: int) -> str:
        """A name as listed."""
        start = self._ends[name - 1] if name else 0
        return self._texts[start : self._ends[name]].tobytes().decode()

    def entity(self, name: int) -> int:
        """The number of the entity of a name."""
        return self._entities[name]

    def find(self, asked: ParsedName, limit: int) -> list[int]:
        """Numbers of names worth comparing, the most promising first, at most `limit`."""
        wanted = _retrievable(asked)
        if not wanted or not len(self):
            return []
        units = self._units(asked, wanted)
        numbers = [number for unit, _ in units for number, _ in unit]
        if not numbers:
            return []
        gains = [weight * likeness for unit, weight in units for _, likeness in unit]
        ends = np.cumsum([len(unit) for unit, _ in units])
        kept = gather(
            np.array(numbers, np.int64),
            np.array(gains, np.float32),
            ends,
            self._starts,
            self._postings,
            self._weight,
            sum(word.weight for word in wanted),
            LEAST_WORTH,
            self._gained,
            self._stamps,
            self._touched,
            self._scores,
        )
        scores = self._scores[:kept]
        order = np.argsort(-scores, kind="stable")[:limit]
        return [int(name) for name in self._touched[:kept][order]]

    def _units(
        self, asked: ParsedName, wanted: tuple[Word, ...]
    ) -> list[tuple[tuple[tuple[int, float], ...], float]]:
        alike = self.vocabulary.alike
        units = [(alike(word), word.weight) for word in dict.fromkeys(wanted)]
        units += [(alike(word), _JOINED_WEIGHT) for word in _joined(asked.words)]
        for word in wanted:
            if len(word.text) >= SHORTEST_CUT and word.kind == "name":
                units += [(alike(part), part.weight) for part in self._cut(word)]
        return [unit for unit in units if unit[0]][:MOST_UNITS]

    def _cut(self, word: Word) -> list[Word]:
        """Parts of a word that was written as one, where both parts are known words."""
        found = []
        for place in range(2, len(word.text) - 1):
            head, tail = word.text[:place], word.text[place:]
            for part, other in ((head, tail), (tail, head)):
                if len(part) > 2 and part in self.vocabulary and self._known(other):
                    found.append(Word(part, fold(part), skeleton(part), word.weight / 2, "name"))
        return found

    def _known(self, text: str) -> bool:
        return text in self.vocabulary or text in PARTICLES or text == "abd"


def _retrievable(name: ParsedName) -> tuple[Word, ...]:
    kept = tuple(word for word in name.words if word.kind in ("name", "number"))
    return kept or tuple(word for word in name.words if word.kind == "initial")


def _joined(found: tuple[Word, ...]) -> list[Word]:
    joined = []
    for length in (2, 3):
        for start in range(min(len(found), MAX_WORDS) - length + 1):
            part = found[start : start + length]
            if all(word.kind in ("name", "weak") for word in part):
                text = "".join(word.text for word in part)
                joined.append(Word(text, fold(text), skeleton(text), 1.0, "name"))
    return joined
