"""Whose word stands, what an entry makes of it, and how many labels are too many."""

from __future__ import annotations

import itertools

import pytest

from paywarden.risk.labels.model import NOTHING, RANKS, Book, Word, take
from paywarden.risk.labels.rate import HOUR_US, SENDERS, LabelRates, RateLimits


def told(*words: Word) -> tuple[Book, list[tuple[str, str | None, int]]]:
    book, effects = NOTHING, []
    for seq, word in enumerate(words, 1):
        effect = take(book, word, seq)
        book = effect.book
        effects.append((effect.verdict, effect.source, effect.retracts))
    return book, effects


def test_the_stronger_source_stands_in_whatever_order_they_come() -> None:
    words = [
        Word("analyst", "genuine"),
        Word("chargeback", "fraud", "10.4"),
        Word("issuer_notice", "fraud"),
        Word("customer", "fraud"),
    ]
    for order in itertools.permutations(words):
        for upto in range(1, 5):
            book, _ = told(*order[:upto])
            strongest = max(order[:upto], key=lambda word: RANKS[word.source])
            assert book.standing is not None
            assert (book.standing.source, book.standing.verdict) == (
                strongest.source,
                strongest.verdict,
            )


def test_an_analyst_overrules_a_chargeback_and_its_withdrawal_brings_it_back() -> None:
    _, effects = told(
        Word("chargeback", "fraud", "10.4"),
        Word("analyst", "genuine"),
        Word("issuer_notice", "fraud"),
        Word("analyst", "withdrawn"),
        Word("chargeback", "withdrawn"),
        Word("issuer_notice", "withdrawn"),
    )
    assert effects == [
        ("fraud", "chargeback", 0),
        ("genuine", "analyst", 1),
        ("outranked", "issuer_notice", 0),
        ("fraud", "chargeback", 2),
        ("fraud", "issuer_notice", 4),
        ("withdrawn", "issuer_notice", 5),
    ]


def test_withdrawing_what_does_not_stand_changes_nothing_that_counts() -> None:
    book, effects = told(
        Word("customer", "fraud"), Word("chargeback", "fraud"), Word("customer", "withdrawn")
    )
    assert effects[-1] == ("outranked", "customer", 0)
    assert [claim.source for claim in book.claims] == ["chargeback"] and book.counted == 2
    assert told(Word("customer", "withdrawn"))[1] == [("withdrawn", "customer", 0)]


def test_an_analyst_who_said_nothing_takes_back_every_word() -> None:
    book, effects = told(
        Word("chargeback", "fraud"), Word("issuer_notice", "fraud"), Word("analyst", "withdrawn")
    )
    assert effects[-1] == ("withdrawn", "analyst", 1)
    assert book.standing is None


def test_a_withdrawal_without_a_source_takes_back_what_stands() -> None:
    book, effects = told(Word("customer", "fraud"), Word("analyst", "fraud"), Word("", "withdrawn"))
    assert effects[-1] == ("fraud", "customer", 2)
    assert book.standing is not None and book.standing.source == "customer"


def test_a_source_that_says_it_again_counts_once_and_anew() -> None:
    _, effects = told(Word("chargeback", "fraud"), Word("chargeback", "fraud", "10.4"))
    assert effects == [("fraud", "chargeback", 0), ("fraud", "chargeback", 1)]


@pytest.mark.parametrize(("count", "alarms"), [(5, []), (6, [6]), (30, [6, 12, 24])])
def test_a_flood_rings_once_and_at_each_doubling(count: int, alarms: list[int]) -> None:
    rates = LabelRates(RateLimits(floor=5, factor=10, share=0.5))
    found = [rates.note("a", one, payments=1_000_000) for one in range(count)]
    assert [alarm.count for alarm in found if alarm] == alarms


def test_what_is_usual_is_no_flood_unless_it_is_much_of_everything() -> None:
    rates = LabelRates(RateLimits(floor=5, factor=3, share=0.01))
    for hour in range(3):
        for _ in range(20):
            rates.note("a", hour * HOUR_US, payments=10_000)
    fourth = [rates.note("a", 3 * HOUR_US, payments=10_000) for _ in range(60)]
    assert not any(fourth) and not rates.over("a", 2 * HOUR_US, 10_000)
    assert rates.note("a", 3 * HOUR_US, payments=10_000) is not None
    assert LabelRates(RateLimits(5, 3, 0.01)).over("new", 0, 100) is False
    small = LabelRates(RateLimits(floor=1, factor=1_000, share=0.01))
    assert [small.note("a", 0, payments=100) is not None for _ in range(3)] == [False, True, False]


def test_senders_are_bounded() -> None:
    rates = LabelRates(RateLimits(floor=1))
    for sender in range(SENDERS + 10):
        rates.note(sender, 0, payments=10)
    assert len(rates._senders) == SENDERS
