"""Compare a name with a name, and a party with a list entry: a score and what it is made of.

Guards: the score is symmetric in the names and lies in 0..1; names that hold no letter or digit
match nothing; facts beside the name count only where both sides have them, so that an entry is
neither better nor worse for what its list happens to leave out. Each contribution is kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from paywarden.aml.screening import facts, features, weights
from paywarden.aml.screening.alignment import Alignment, align
from paywarden.aml.screening.model import ListedEntity
from paywarden.aml.screening.parsing import (
    ORGANISATION,
    PERSON,
    VESSEL,
    ParsedName,
    kind_of,
    kinds_of,
    parse,
)
from paywarden.aml.screening.party import Party
from paywarden.aml.screening.rarity import GENERAL, Rarity
from paywarden.aml.screening.writing import SYLLABLES

_NAMES = tuple(weights.NAMES[name] for name in features.NAMES), weights.NAMES_INTERCEPT
_SEARCH = {
    PERSON: (tuple(weights.PERSONS.values()), weights.PERSONS_INTERCEPT),
    ORGANISATION: (tuple(weights.ORGANISATIONS.values()), weights.ORGANISATIONS_INTERCEPT),
    VESSEL: (tuple(weights.VESSELS.values()), weights.VESSELS_INTERCEPT),
}


@dataclass(frozen=True, slots=True)
class Contribution:
    """One feature: its value and what it adds to the log-odds of the score."""

    feature: str
    value: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """`score` 0..1, the listed name that it rests on, its parts, and a sentence for a person."""

    score: float
    name: str
    contributions: tuple[Contribution, ...]
    text: str


def compare_names(a: str, b: str, schema: str = "Person") -> float:
    """How likely two names are of one party, 0..1, by the names alone. Symmetric; never raises."""
    kind = kind_of(schema)
    first, second = (a, b) if a <= b else (b, a)  # ties in the alignment fall the same way
    one, other = parse(first, kind), parse(second, kind)
    if one.empty or other.empty:
        return 0.0
    if _same(one, other):
        return 1.0
    linear, intercept = _NAMES
    found = features.values(one, other, align(one, other))
    return logistic(intercept + sum(w * v for w, v in zip(linear, found, strict=True)))


def _same(one: ParsedName, other: ParsedName) -> bool:
    """One name but for case, marks and look-alike letters; syllables also in their own script."""
    if one.words != other.words or one.forms != other.forms:
        return False
    return one.native == other.native or not (one.scripts | other.scripts) & SYLLABLES


def found_odds(
    asked: ParsedName,
    listed: ParsedName,
    alignment: Alignment,
    kind: str,
    rarity: Rarity = GENERAL,
) -> float:
    """Log-odds that a listed name found in an index is of the party asked for."""
    linear, intercept = _SEARCH[kind]
    found = features.found_values(asked, listed, alignment, rarity)
    return intercept + sum(w * v for w, v in zip(linear, found, strict=True))


def logistic(log_odds: float) -> float:
    """1/(1+e^-x), bounded so that it never overflows."""
    return 1.0 / (1.0 + math.exp(-max(-40.0, min(40.0, log_odds))))


def compare(query: Party, entity: ListedEntity) -> Judgement:
    """The best of an entry's names, corrected by birth date, country, gender and identifiers."""
    best, best_odds, best_kind, weak = "", -math.inf, None, False
    for kind in _readings(query.schema, entity.schema):
        asked = parse(query.name, kind)
        for listed in entity.names:
            other = parse(listed.text, kind)
            if asked.empty or other.empty:
                continue
            odds = found_odds(asked, other, align(asked, other), kind)
            odds += facts.WEAK_ALIAS if listed.kind == "weak" else 0.0
            if odds > best_odds:
                best, best_odds, best_kind, weak = listed.text, odds, kind, listed.kind == "weak"
    return judged(query, entity, best, kind=best_kind, weak=weak)


def judged(
    query: Party,
    entity: ListedEntity,
    name: str,
    *,
    kind: str | None = None,
    rarity: Rarity = GENERAL,
    weak: bool = False,
) -> Judgement:
    """The judgement that rests on one listed name (may be empty: identifiers alone).

    `kind`: as what the names are read; None: as what the entry is said to be. `weak`: the publisher
    calls the name of low quality.
    """
    kind = kind or kind_of(entity.schema)
    one, other = parse(query.name, kind), parse(name, kind)
    alignment = align(one, other)
    if one.empty or other.empty:
        parts = [Contribution("no_name", 1.0, facts.NO_NAME)]
    else:
        linear, intercept = _SEARCH[kind]
        found = features.found_values(one, other, alignment, rarity)
        parts = [Contribution("intercept", 1.0, intercept)]
        triples = zip(features.FOUND, found, linear, strict=True)
        parts += [Contribution(n, round(v, 4), round(w * v, 4)) for n, v, w in triples if w * v]
        parts += [Contribution("weak_alias", 1.0, facts.WEAK_ALIAS)] if weak else []
    extra = facts.found(query, entity)
    parts += [Contribution(fact.name, fact.value, fact.log_odds) for fact in extra]
    score = logistic(sum(part.contribution for part in parts))
    words = _words(one, other, alignment)
    return Judgement(score, name, tuple(parts), "; ".join([*words, *(f.text for f in extra)]))


def _readings(asked: str, listed: str) -> tuple[str, ...]:
    """Ways of reading that both sides allow; the entry's own where they agree on none."""
    both = [kind for kind in kinds_of(listed) if kind in kinds_of(asked)]
    return tuple(both) or kinds_of(listed)


def _words(one: ParsedName, other: ParsedName, alignment: Alignment) -> list[str]:
    found = []
    for pair in alignment.pairs:
        left = " ".join(one.words[i].text for i in pair.left)
        right = " ".join(other.words[j].text for j in pair.right)
        found.append(left if left == right else f"{left} ~ {right} {pair.similarity:.2f}")
    for name, places, side in (
        (one, alignment.left_over, "asked"),
        (other, alignment.right_over, "listed"),
    ):
        left_over = " ".join(name.words[i].text for i in places)
        if left_over:
            found.append(f"only {side}: {left_over}")
    if one.forms and other.forms and not one.forms & other.forms:
        found.append("other legal form")
    return found
