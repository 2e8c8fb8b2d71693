"""What speaks for or against a match beside the name: birth date, country, gender, identifiers.

Guards: a fact counts only where both sides state it, so nothing is lost by an entry that is silent.
An identifier that is equal decides alone; one that differs says little, because people and ships
have several. Weights are judgements of this product, not learned: no labelled set has such facts.
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.aml.screening.model import ListedEntity, PartialDate
from paywarden.aml.screening.party import Party

NO_NAME = -6.0
WEAK_ALIAS = -1.0
"""For a name that the publisher itself calls of low quality."""
SAME_IDENTIFIER = 12.0
OTHER_VESSEL_NUMBER = -3.0
SAME_DAY = 1.5
SAME_YEAR = 0.5
NEAR_YEAR = 0.0
FEW_YEARS = -2.0
OTHER_YEAR = -5.0
OTHER_GENDER = -2.5
SAME_COUNTRY = 0.3
OTHER_COUNTRY = -0.5
_NEAR_YEARS = 1
_CIRCA_YEARS = 3
_FEW_YEARS = 2
"""Years beyond those that pass for near within which a date may still be a mistaken one."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A feature beside the name, with its log-odds and a sentence."""

    name: str
    value: float
    log_odds: float
    text: str


def found(query: Party, entity: ListedEntity) -> tuple[Fact, ...]:
    """The facts that both sides state."""
    given = (_birth(query, entity), _country(query, entity), _gender(query, entity))
    facts = [fact for fact in given if fact is not None]
    return (*facts, *_identifiers(query, entity))


def _birth(query: Party, entity: ListedEntity) -> Fact | None:
    asked = query.birth_date
    if asked is None or not entity.birth_dates:
        return None
    value, odds, text = max(_date_odds(asked, listed) for listed in entity.birth_dates)
    return Fact("birth_date", value, odds, text)


def _date_odds(asked: PartialDate, listed: PartialDate) -> tuple[float, float, str]:
    apart = abs(asked.year - listed.year)
    if apart == 0:
        if None in (asked.month, listed.month) or listed.circa:
            return 0.8, SAME_YEAR, "same birth year"
        if asked.month == listed.month and None in (asked.day, listed.day):
            return 0.9, SAME_YEAR, "same birth month"
        if (asked.month, asked.day) == (listed.month, listed.day):
            return 1.0, SAME_DAY, "same birth date"
        if (asked.month, asked.day) == (listed.day, listed.month):
            return 0.9, SAME_YEAR, "birth day and month swapped"
        return 0.7, NEAR_YEAR, "same birth year, other day"
    near = _CIRCA_YEARS if listed.circa or asked.circa else _NEAR_YEARS
    if apart <= near:
        return 0.5, NEAR_YEAR, "birth years near each other"
    if apart <= near + _FEW_YEARS:
        return 0.25, FEW_YEARS, "birth years a few apart"
    return 0.0, OTHER_YEAR, "other birth year"


def _country(query: Party, entity: ListedEntity) -> Fact | None:
    if not query.countries or not entity.countries:
        return None
    asked = {country.upper() for country in query.countries}
    if asked & {country.upper() for country in entity.countries}:
        return Fact("country", 1.0, SAME_COUNTRY, "same country")
    return Fact("country", 0.0, OTHER_COUNTRY, "other country")


def _gender(query: Party, entity: ListedEntity) -> Fact | None:
    listed = {gender[:1].lower() for gender in entity.genders if gender[:1].lower() in "mf"}
    asked = query.gender[:1].lower()
    if asked not in ("m", "f") or not listed or asked in listed:
        return None
    return Fact("gender", 0.0, OTHER_GENDER, "other gender")


def _identifiers(query: Party, entity: ListedEntity) -> list[Fact]:
    listed = {plain(i.value): i.kind for i in entity.identifiers}
    same = [i for i in query.identifiers if plain(i.value) and plain(i.value) in listed]
    if same:
        return [Fact("identifier", 1.0, SAME_IDENTIFIER, f"same {same[0].kind}")]
    kinds = {i.kind.lower() for i in query.identifiers} & {
        i.kind.lower() for i in entity.identifiers
    }
    if "imo" in kinds:
        return [Fact("identifier", 0.0, OTHER_VESSEL_NUMBER, "other IMO number")]
    return []


def plain(value: str) -> str:
    """An identifier without blanks, dashes and the prefix IMO; case is kept for wallets."""
    kept = "".join(char for char in value if char.isalnum())
    kept = kept[3:] if kept.upper().startswith("IMO") and kept[3:].isdigit() else kept
    return kept if len(kept) > 24 and not kept.lower().startswith("0x") else kept.upper()
