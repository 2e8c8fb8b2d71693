"""One asked party into what the lists hold of it; runs where the index is.

Guards: an answer has at most `MOST_FOUND` entries, sanctions before exposed persons, so that a
famous name can hide no listed one; text is cut to `WORDS_LIMIT`. Whatever a name holds (right-to-
left marks, homoglyphs, ten thousand characters, nothing) is an answer, never a fault.
"""

from __future__ import annotations

from typing import Final

from paywarden.aml.screening.index import Hit, ScreeningIndex
from paywarden.aml.screening.model import Identifier, ListedEntity, PartialDate
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.serving.free_text import FreeText, telling
from paywarden.aml.screening.serving.messages import MOST_FOUND, REPORTED_AT, AskedParty, Found

WORDS_LIMIT: Final = 500
MOST_FEATURES: Final = 30
MOST_PROGRAMS: Final = 10
_SCHEMAS: Final = {"LegalEntity": ("Company", "Person")}
"""Who trades under a name is a company or a person, and each is asked in its own way."""
_PEP_TOPICS: Final = frozenset({"pep", "role.pep", "role.rca", "rca"})


class Answering:
    """Asks an index; one at a time."""

    def __init__(self, index: ScreeningIndex) -> None:
        self._index = index
        self._free_text = FreeText(index)

    def answer(self, asked: AskedParty) -> tuple[Found, ...]:
        """What is found, the best first."""
        if asked.free_text:
            found = [
                told(hit, span)
                for span in self._free_text.spans(asked.name)
                for hit in self._index.search(Party(span, ""), REPORTED_AT)
                if telling(span, hit.entity.schema)
            ]
        else:
            found = [
                told(hit, asked.name)
                for schema in _SCHEMAS.get(asked.schema, (asked.schema,))
                for hit in self._index.search(party_of(asked, schema), REPORTED_AT)
            ]
        return _best(found)


def party_of(asked: AskedParty, schema: str) -> Party:
    """The party as the index takes it; a birth date that is none says nothing."""
    return Party(
        asked.name,
        schema,
        _date(asked.birth_date),
        asked.countries,
        "",
        tuple(Identifier("account", value) for value in asked.identifiers),
    )


def told(hit: Hit, asked: str) -> Found:
    """A hit as it is told."""
    entity, judged = hit.entity, hit.judgement
    features = [(one.feature, one.value, one.contribution) for one in judged.contributions]
    return Found(
        entity.id,
        entity.source,
        entity.schema,
        entity.content_hash,
        asked[:WORDS_LIMIT],
        judged.name[:WORDS_LIMIT],
        round(judged.score, 4),
        judged.text[:WORDS_LIMIT],
        tuple(features[:MOST_FEATURES]),
        tuple(program[:WORDS_LIMIT] for program in entity.programs[:MOST_PROGRAMS]),
        is_pep(entity),
        any(name == "identifier" and value == 1.0 for name, value, _ in features),
    )


def is_pep(entity: ListedEntity) -> bool:
    """Listed for an office or a relation to its holder, and under no sanction."""
    topics = {program.casefold() for program in entity.programs}
    if any(topic.startswith("sanction") for topic in topics):
        return False
    return bool(topics & _PEP_TOPICS) or "pep" in entity.source.split("-")


def _best(found: list[Found]) -> tuple[Found, ...]:
    best: dict[str, Found] = {}
    for one in found:
        if one.entry not in best or one.score > best[one.entry].score:
            best[one.entry] = one
    ranked = sorted(best.values(), key=lambda one: (one.pep, -one.score, one.entry))
    listed = [one for one in ranked if not one.pep][:MOST_FOUND]
    exposed = [one for one in ranked if one.pep][:MOST_FOUND]
    return (*listed, *exposed)


def _date(text: str) -> PartialDate | None:
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    return PartialDate(int(parts[0]), int(parts[1]), int(parts[2]))
