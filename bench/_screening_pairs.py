"""Pairs of names made for learning: of one party by distortion, of two by a word that is another's.

Labelled pairs are few (481) and some features never vary within a case group; made pairs say what
those features mean. They weigh little beside the labelled ones. Seeded; no list but OFAC's.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz.distance import OSA

import _screening_material as material
from paywarden.aml.screening.rarity import is_common
from paywarden.aml.screening.sounds import fold
from paywarden.aml.screening.words import VARIANT_OF
from paywarden.aml.screening.writing import scripts

SAME_PERSON = ("typo", "order", "initial", "dropped", "joined", "spelling", "script", "arabic")
SAME_FIRM = ("typo", "order", "joined", "spelling")
NUMBERS = ("1", "2", "3", "4", "5", "7", "12", "II", "III", "IV", "VIII", "IX")
SYLLABLES = frozenset({"HAN", "HANGUL"})


@dataclass(frozen=True, slots=True)
class MadePair:
    """Two names and whether they are of one party."""

    one: str
    other: str
    schema: str
    same: bool


class PairMaker:
    """Makes pairs out of OFAC's primary names and of clean names in syllables."""

    def __init__(self, data: Path, seed: int) -> None:
        entities = material.ofac(data)
        self._rnd = random.Random(seed)
        self._persons = _of_length(entities, "Person", 5)
        self._firms = _of_length(entities, "Organization", 6)
        learned, _ = material.halves(material.clean(data))
        self._syllables = [p.name.replace(" ", "") for p in learned if scripts(p.name) <= SYLLABLES]
        self._words = _words(self._persons)
        self._common = sorted({w.lower() for w in self._words if is_common(w.lower())})
        self._firm_words = [word for word in _words(self._firms) if word.isalpha()]

    def pairs(self, rounds: int) -> Iterator[MadePair]:
        """Some five pairs a round."""
        rnd = self._rnd
        for _ in range(rounds):
            person, firm = rnd.choice(self._persons), rnd.choice(self._firms)
            one = material.distorted(rnd, person, rnd.choice(SAME_PERSON))
            yield MadePair(one, person, "Person", True)
            one = material.distorted(rnd, firm, rnd.choice(SAME_FIRM))
            yield MadePair(one, firm, "Company", True)
            yield MadePair(self._other_word(person, self._words), person, "Person", False)
            yield MadePair(self._other_word(firm, self._firm_words), firm, "Company", False)
            yield from self._seldom(firm)

    def _seldom(self, firm: str) -> Iterator[MadePair]:
        rnd = self._rnd
        person = rnd.choice(self._persons)
        near = self._near_name(person) if rnd.random() < 0.5 else ""
        if near:
            yield MadePair(near, person, "Person", False)
        if rnd.random() < 0.2:
            lone = rnd.choice([word for word in person.split() if is_common(word.lower())] or [""])
            yield MadePair(lone, person, "Person", False)
        if rnd.random() < 0.1:
            child, parent, family = rnd.sample(self._words, 3)
            one, other = f"{child} bin {parent} {family}", f"{parent} bin {child} {family}"
            yield MadePair(one, other, "Person", False)
        if rnd.random() < 0.8:
            one, other = rnd.sample(NUMBERS, 2)
            schema = rnd.choice(("Company", "Vessel"))
            yield MadePair(f"{firm} {one}", f"{firm} {other}", schema, False)
        if rnd.random() < 0.2:
            name = rnd.choice(self._syllables)
            at = rnd.randrange(len(name))
            other = name[:at] + rnd.choice(rnd.choice(self._syllables)) + name[at + 1 :]
            if len(name) > 2 and other != name:
                yield MadePair(name, other, "Person", False)

    def _near_name(self, person: str) -> str:
        """With one common word put for another that looks like it (`Maria`, `Mario`)."""
        parts = person.replace(",", "").lower().split()
        places = [at for at, part in enumerate(parts) if is_common(part) and len(part) > 3]
        if not places:
            return ""
        at = self._rnd.choice(places)
        row = VARIANT_OF.get(parts[at])
        near = [
            word for word in self._common
            if OSA.distance(word, parts[at], score_cutoff=2) in (1, 2)
            and fold(word) != fold(parts[at]) and (row is None or VARIANT_OF.get(word) != row)
        ]  # fmt: skip
        if not near:
            return ""
        parts[at] = self._rnd.choice(near)
        return " ".join(parts)

    def _other_word(self, name: str, words: list[str]) -> str:
        parts = name.replace(",", "").split()
        parts[self._rnd.randrange(len(parts))] = self._rnd.choice(words)
        return " ".join(parts)


def _of_length(entities: list[material.ListedEntity], schema: str, most: int) -> list[str]:
    names = [entity.names[0].text for entity in entities if entity.schema == schema]
    return [name for name in names if 2 <= len(name.split()) <= most]


def _words(names: list[str]) -> list[str]:
    return [word for name in names for word in name.replace(",", "").split() if len(word) > 2]
