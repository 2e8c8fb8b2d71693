"""All loaded lists in one searchable index, in the memory of the process.

Guards, in order: identifiers that are equal, then names that gather enough weight of words
(`shelf.py`, bounded), then the full comparison of those, then facts, then the threshold. Entries
are kept packed and unpacked only for hits. An index is frozen when built and serves one thread at a
time: its scratch is its own. Not done here: reading lists (`sources`), `exceptions`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np

from paywarden.aml.screening import facts
from paywarden.aml.screening.alignment import Alignment, align
from paywarden.aml.screening.columns import lists_from, lists_of, rising
from paywarden.aml.screening.comparison import Judgement, found_odds, judged, logistic
from paywarden.aml.screening.facts import plain
from paywarden.aml.screening.features import STRANGE_WEIGHT
from paywarden.aml.screening.kernels import Numbers
from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.parsing import (
    ORGANISATION,
    PERSON,
    VESSEL,
    ParsedName,
    kinds_of,
    parse,
)
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.rarity import GENERAL
from paywarden.aml.screening.shelf import Shelf

DEFAULT_THRESHOLD = 0.7
"""Score from which a party alerts; the operating curve stands in docs/explanation/screening.md."""
CANDIDATES = 20
"""Names of one shelf that are compared in full."""
MOST_NAMES = 400
"""Names of one entry that are indexed; the longest entry seen has 99."""
LIKE = 0.88
"""Similarity of words from which they are the same but for a letter."""
HEADROOM = 2.5
"""Log-odds below the threshold at which facts beside the name could still lift a name over it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry at or over the threshold."""

    entity: ListedEntity
    judgement: Judgement

    @property
    def score(self) -> float:
        """0..1."""
        return self.judgement.score


class _Found(NamedTuple):
    """The best name of an entry so far, and as what it was read."""

    odds: float
    name: str
    kind: str | None
    weak: bool = False


class ScreeningIndex:
    """Made by `build`; answers `search`."""

    def __init__(self) -> None:
        self._shelves = {kind: Shelf(kind) for kind in (PERSON, ORGANISATION, VESSEL)}
        self._packed: Any = array("B")
        self._ends: Any = array("q")
        self._by_identifier: dict[str, Any] = {}

    @classmethod
    def build(cls, entities: Iterable[ListedEntity]) -> ScreeningIndex:
        """Index the entries; they are read once and need not be kept by the caller."""
        index = cls()
        for entity in entities:
            index._add(entity)
        for shelf in index._shelves.values():
            shelf.close()
        index._packed = np.frombuffer(index._packed, np.uint8)
        index._ends = np.frombuffer(index._ends, np.int64)
        return index

    def arrays(self) -> dict[str, Numbers]:
        """All that `of_arrays` needs, as flat arrays; `index_file` writes them."""
        texts, starts, numbers = lists_of(self._by_identifier)
        found: dict[str, Numbers] = {
            "packed": self._packed, "packed_ends": self._ends,
            "identifiers": texts, "identified_starts": starts, "identified": numbers,
        }  # fmt: skip
        for kind, shelf in self._shelves.items():
            found |= {f"{kind}/{name}": one for name, one in shelf.arrays().items()}
        return found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, Numbers]) -> ScreeningIndex:
        """A frozen index again. Errors: KeyError, ValueError for what does not fit."""
        index = cls()
        index._packed, index._ends = arrays["packed"], arrays["packed_ends"]
        rising(np.concatenate(([0], index._ends)), len(index._packed))
        texts, starts, numbers = (
            arrays[name] for name in ("identifiers", "identified_starts", "identified")
        )
        index._by_identifier = dict(lists_from(texts, starts, numbers, len(index._ends)))
        for kind in index._shelves:
            mine = {
                name.removeprefix(f"{kind}/"): one
                for name, one in arrays.items()
                if name.startswith(f"{kind}/")
            }
            index._shelves[kind] = Shelf.of_arrays(kind, mine, len(index._ends))
        return index

    @property
    def names(self) -> int:
        """Names and aliases that can be found."""
        return sum(len(shelf) for shelf in self._shelves.values())

    @property
    def entities(self) -> int:
        """Entries."""
        return len(self._ends)

    def search(self, party: Party, threshold: float = DEFAULT_THRESHOLD) -> tuple[Hit, ...]:
        """Entries that score at least `threshold`, the best first."""
        found = {number: _Found(-math.inf, "", None) for number in self._same_identifier(party)}
        for kind in _kinds(party):
            self._by_name(party, kind, threshold, found)
        hits = (self._judge(party, number, one) for number, one in found.items())
        kept = [hit for hit in hits if hit.score >= threshold]
        kept.sort(key=lambda hit: (-hit.score, hit.entity.source, hit.entity.id))
        return tuple(kept)

    def shelf(self, kind: str) -> Shelf:
        """The shelf of a kind, for benchmarks and for learning weights."""
        return self._shelves[kind]

    def entity(self, number: int) -> ListedEntity:
        """The entry of a number."""
        start = self._ends[number - 1] if number else 0
        return _UNPACK.decode(self._packed[start : self._ends[number]].tobytes())

    def _add(self, entity: ListedEntity) -> None:
        number = len(self._ends)
        weak = {name.text: name.kind == "weak" for name in reversed(entity.names)}
        for text in list(dict.fromkeys(name.text for name in entity.names))[:MOST_NAMES]:
            for kind in kinds_of(entity.schema):  # who is not said to be a person may be one
                self._shelves[kind].add(number, text, weak[text])
        for identifier in entity.identifiers:
            value = plain(identifier.value)
            if len(value) >= 5:
                self._by_identifier.setdefault(value, array("i")).append(number)
        self._packed.frombytes(_PACK.encode(entity))
        self._ends.append(len(self._packed))

    def _same_identifier(self, party: Party) -> list[int]:
        found: list[int] = []
        for identifier in party.identifiers:
            found += [int(one) for one in self._by_identifier.get(plain(identifier.value), ())]
        return found

    def _by_name(self, party: Party, kind: str, threshold: float, found: dict[int, _Found]) -> None:
        """Add the entries of one shelf, each with the name that speaks most for it."""
        shelf = self._shelves[kind]
        asked = parse(party.name, kind)
        guessed = kind != PERSON and len(kinds_of(party.schema)) > 1 and not asked.forms
        near = (
            shelf.find_whole(asked, CANDIDATES, LIKE) if guessed else shelf.find(asked, CANDIDATES)
        )
        for name in near:
            text = shelf.text(name)
            listed = parse(text, kind)
            if _too_bare(asked, listed):
                continue
            alignment = align(asked, listed)
            if guessed and not _whole(alignment):
                continue
            if kind == PERSON and _one_word_of(asked, listed, alignment):
                continue
            odds = found_odds(asked, listed, alignment, kind, shelf.rarity)
            weak = shelf.weak(name)
            odds += facts.WEAK_ALIAS if weak else 0.0
            number = shelf.entity(name)
            known = found.get(number)
            if logistic(odds + HEADROOM) >= threshold and (known is None or odds > known.odds):
                found[number] = _Found(odds, text, kind, weak)

    def _judge(self, party: Party, number: int, found: _Found) -> Hit:
        entity = self.entity(number)
        rarity = GENERAL if found.kind is None else self._shelves[found.kind].rarity
        judgement = judged(
            party, entity, found.name, kind=found.kind, rarity=rarity, weak=found.weak
        )
        return Hit(entity, judgement)


def _kinds(party: Party) -> tuple[str, ...]:
    """As what a party is looked for: whoever was born is a person, unless the name has the form of
    a company (born when it was founded)."""
    kinds = kinds_of(party.schema)
    if party.birth_date is None or PERSON not in kinds or len(kinds) < 2:
        return kinds
    return (PERSON, ORGANISATION) if parse(party.name, ORGANISATION).forms else (PERSON,)


def _whole(alignment: Alignment) -> bool:
    """All words of both sides have a like one: what a name that may be a person's must show before
    it counts as that of a company or ship (`Sarah R. Adams` is not `SRA`)."""
    likes = all(pair.similarity >= LIKE for pair in alignment.pairs)
    return likes and not alignment.left_over and not alignment.right_over


def _one_word_of(asked: ParsedName, listed: ParsedName, alignment: Alignment) -> bool:
    """A listed `Catalina` is not every Catalina who has a family name, too. Who is listed by one
    word alone is met by that word alone, titles aside."""
    if sum(word.kind != "weak" for word in listed.words) != 1:
        return False
    left = sum(asked.words[place].weight for place in alignment.left_over)
    return left > STRANGE_WEIGHT


def _too_bare(asked: ParsedName, listed: ParsedName) -> bool:
    """A listed `Ahmed, A` speaks of every Ahmed: it is met only by a name with an initial too."""
    if not any(word.kind == "initial" for word in listed.words):
        return False
    full = sum(word.weight for word in listed.words if word.kind == "name")
    return full < 1.0 and not any(word.kind == "initial" for word in asked.words)


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(ListedEntity)
