"""All loaded lists in one searchable index, in the memory of the process.

Guards, in order: identifiers that are equal, then names that gather enough weight of words
(`shelf.py`, bounded), then the full comparison of those, then facts, then the threshold. Entries
are kept packed and unpacked only for hits. An index is frozen when built and serves one thread at a
time: its scratch is its own. Not done here: reading lists (`sources`), `exceptions`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from paywarden.aml.screening.alignment import align
from paywarden.aml.screening.comparison import Judgement, found_odds, judged, logistic
from paywarden.aml.screening.facts import plain
from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.parsing import ORGANISATION, PERSON, VESSEL, ParsedName, kind_of, parse
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.shelf import Shelf

DEFAULT_THRESHOLD = 0.7
"""Score from which a party alerts; the operating curve stands in docs/explanation/screening.md."""
CANDIDATES = 20
"""Names of one shelf that are compared in full."""
MOST_NAMES = 400
"""Names of one entry that are indexed; the longest entry seen has 99."""
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


class ScreeningIndex:
    """Made by `build`; answers `search`."""

    def __init__(self) -> None:
        self._shelves = {kind: Shelf(kind) for kind in (PERSON, ORGANISATION, VESSEL)}
        self._packed = array("B")
        self._ends = array("q")
        self._by_identifier: dict[str, array[int]] = {}

    @classmethod
    def build(cls, entities: Iterable[ListedEntity]) -> ScreeningIndex:
        """Index the entries; they are read once and need not be kept by the caller."""
        index = cls()
        for entity in entities:
            index._add(entity)
        for shelf in index._shelves.values():
            shelf.close()
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
        found: dict[int, str] = {}
        for number in self._same_identifier(party):
            found[number] = ""
        for kind in _kinds(party.schema):
            found.update(self._by_name(party, kind, threshold))
        hits = (self._judge(party, number, name) for number, name in found.items())
        kept = [hit for hit in hits if hit.score >= threshold]
        kept.sort(key=lambda hit: (-hit.score, hit.entity.source, hit.entity.id))
        return tuple(kept)

    def shelf(self, kind: str) -> Shelf:
        """The shelf of a kind, for benchmarks and for learning weights."""
        return self._shelves[kind]

    def entity(self, number: int) -> ListedEntity:
        """The entry of a number."""
        start = self._ends[number - 1] if number else 0
        return _UNPACK.decode(self._packed[start : self._ends[number]])

    def _add(self, entity: ListedEntity) -> None:
        number = len(self._ends)
        shelf = self._shelves[kind_of(entity.schema)]
        for text in list(dict.fromkeys(name.text for name in entity.names))[:MOST_NAMES]:
            shelf.add(number, text)
        for identifier in entity.identifiers:
            value = plain(identifier.value)
            if len(value) >= 5:
                self._by_identifier.setdefault(value, array("i")).append(number)
        self._packed.frombytes(_PACK.encode(entity))
        self._ends.append(len(self._packed))

    def _same_identifier(self, party: Party) -> list[int]:
        found: list[int] = []
        for identifier in party.identifiers:
            found += self._by_identifier.get(plain(identifier.value), ())
        return found

    def _by_name(self, party: Party, kind: str, threshold: float) -> dict[int, str]:
        shelf = self._shelves[kind]
        asked = parse(party.name, kind)
        best: dict[int, tuple[float, str]] = {}
        for name in shelf.find(asked, CANDIDATES):
            text = shelf.text(name)
            listed = parse(text, kind)
            if _too_bare(asked, listed):
                continue
            odds = found_odds(asked, listed, align(asked, listed), kind)
            number = shelf.entity(name)
            if logistic(odds + HEADROOM) >= threshold and odds > best.get(number, (-99.0, ""))[0]:
                best[number] = (odds, text)
        return {number: text for number, (_, text) in best.items()}

    def _judge(self, party: Party, number: int, name: str) -> Hit:
        entity = self.entity(number)
        return Hit(entity, judged(party, entity, name))


def _too_bare(asked: ParsedName, listed: ParsedName) -> bool:
    """A listed `Ahmed, A` speaks of every Ahmed: it is met only by a name with an initial too."""
    if not any(word.kind == "initial" for word in listed.words):
        return False
    full = sum(word.weight for word in listed.words if word.kind == "name")
    return full < 1.0 and not any(word.kind == "initial" for word in asked.words)


def _kinds(schema: str) -> tuple[str, ...]:
    if schema == "" or schema == "LegalEntity":
        return (PERSON, ORGANISATION) if schema else (PERSON, ORGANISATION, VESSEL)
    return (kind_of(schema),)


_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(ListedEntity)
