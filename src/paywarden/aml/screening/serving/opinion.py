"""What was found of a payment's parties into fields that rules read and hits that people see. Pure.

Guards: a hit that a person set aside counts nowhere and is still shown; one that a person confirmed
counts whatever its score. Exposed persons have a field of their own and no score among the listed:
the law asks to look closer at them, not to hold their money. A role that was asked about has a
score, 0 when nobody was found, so that "not screened" and "nothing found" are told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec

from paywarden.aml.screening.serving.messages import HIT_AT, Found

Word = Literal["", "different", "same"]
"""What a person said of a party and an entry: nothing, another party, or the listed one."""
WordOf = Callable[[Found], tuple[Word, str, str]]
"""The word that holds now, the id of the verdict, and the key under which the party stands."""
FREE_TEXT_HIT: Final = 0.85
"""Score from which a name in free text is a hit."""


class Hit(msgspec.Struct, array_like=True, frozen=True):
    """A found entry with its role in the payment and what a person said of it.

    `party_key`: the keyed digest under which verdicts on the party stand.
    """

    role: str
    found: Found
    word: Word = ""
    verdict: str = ""
    party_key: str = ""


class Opinion(msgspec.Struct, frozen=True):
    """Fields by path, every hit, and how many a person set aside."""

    fields: dict[str, Any]
    hits: tuple[Hit, ...]
    excepted: int = 0


def opinion_of(found: Iterable[tuple[str, tuple[Found, ...], WordOf]]) -> Opinion:
    """The opinion on a payment: (role, what was found, what people said of it) of each party."""
    fields: dict[str, Any] = {"screening.hit": False, "screening.pep": False}
    hits: list[Hit] = []
    for role, entries, word_of in found:
        own = [Hit(role, one, *word_of(one)) for one in entries]
        hits += own
        _count(fields, role, own)
    excepted = sum(hit.word == "different" for hit in hits)
    return Opinion(fields, tuple(hits), excepted)


def _count(fields: dict[str, Any], role: str, hits: list[Hit]) -> None:
    standing = [hit for hit in hits if hit.word != "different"]
    listed = [hit.found.score for hit in standing if not hit.found.pep]
    least = FREE_TEXT_HIT if role == "remittance" else HIT_AT
    best = max(listed, default=0.0)
    path = f"screening.{role}.score"
    fields[path] = max(best, fields.get(path, 0.0))
    if best >= least:
        fields["screening.hit"] = True
    if any(hit.found.pep and hit.found.score >= least for hit in standing):
        fields["screening.pep"] = True
    if any(hit.word == "same" and not hit.found.pep for hit in standing):
        fields["screening.confirmed"] = fields["screening.hit"] = True
    same = [hit.found.score for hit in standing if hit.found.identified and not hit.found.pep]
    if same:
        fields["screening.identified"] = max([*same, fields.get("screening.identified", 0.0)])
