"""Labels of one payment attempt: each source's present word, and which of them stands. Pure.

Guards: one attempt is one fraud however often it is reported. Every source has at most one word,
its last. The word of the strongest source stands: an analyst has investigated, a chargeback has
been argued, an issuer's notice is a suspicion, a customer may err; a source that did not say who it
is comes last. Of one source the later word replaces the earlier. A withdrawal takes back the word
of its own source (without a source: the word that stands), and then the next strongest stands
again; an analyst who has said nothing takes back every word: the case was looked into.

What a log entry makes of this is an `Effect`: the observation states what stands *after* the entry
and retracts the observation that stated what stood before. So every window counts exactly the label
that stands, from the instant at which it came to stand; nothing is ever back-dated.

>>> first = take(NOTHING, Word("chargeback", "fraud", "10.4"), 7)
>>> first.verdict, first.retracts, take(first.book, Word("customer", "genuine"), 9).verdict
('fraud', 0, 'outranked')
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

RANKS = {"analyst": 4, "chargeback": 3, "issuer_notice": 2, "customer": 1, "": 0}
"""Strength of a source; the strongest word stands."""
ANALYST = "analyst"
SOURCES = tuple(name for name in RANKS if name)
FRAUD, GENUINE, WITHDRAWN = "fraud", "genuine", "withdrawn"
OUTRANKED = "outranked"
"""Verdict of an observation whose entry changed nothing that stands."""


@dataclass(frozen=True, slots=True)
class Word:
    """What one report says; `verdict` is fraud, genuine or withdrawn."""

    source: str
    verdict: str
    reason: str | None = None


class Claim(msgspec.Struct, array_like=True, frozen=True):
    """The present word of a source, said in log entry `seq`. Stored form: append only."""

    source: str
    verdict: str
    reason: str | None
    seq: int


class Book(msgspec.Struct, array_like=True, frozen=True):
    """Every claim about one attempt (at most one a source), and the observation that counts.

    `counted`: seq of the observation that states what stands; 0 when nothing stands.
    """

    claims: tuple[Claim, ...] = ()
    counted: int = 0

    @property
    def standing(self) -> Claim | None:
        """The claim that stands."""
        return max(self.claims, key=lambda one: RANKS[one.source], default=None)


NOTHING = Book()


@dataclass(frozen=True, slots=True)
class Effect:
    """What one report does: the book after it, and what its observation states and retracts."""

    book: Book
    verdict: str
    source: str | None
    reason: str | None
    retracts: int


def take(book: Book, word: Word, seq: int) -> Effect:
    """The effect of a report that is log entry `seq`."""
    before = book.standing
    claims = _claims(book, word, seq)
    after = Book(claims, 0).standing
    if after is None:
        return Effect(Book(claims), WITHDRAWN, word.source or None, word.reason, book.counted)
    if after is before:
        same = Book(claims, book.counted)
        return Effect(same, OUTRANKED, word.source or None, word.reason, 0)
    return Effect(
        Book(claims, seq), after.verdict, after.source or None, after.reason, book.counted
    )


def _claims(book: Book, word: Word, seq: int) -> tuple[Claim, ...]:
    standing = book.standing
    source = word.source
    if word.verdict == WITHDRAWN and not source and standing is not None:
        source = standing.source
    kept = tuple(one for one in book.claims if one.source != source)
    if word.verdict == WITHDRAWN:
        return () if source == ANALYST and len(kept) == len(book.claims) else kept
    return (*kept, Claim(source, word.verdict, word.reason, seq))
