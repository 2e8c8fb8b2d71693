"""Outcome: four answers in one order, and their words."""

from __future__ import annotations

import itertools

import pytest

from paywarden.core.outcome import Outcome

IN_ORDER = [Outcome.ALLOW, Outcome.CHALLENGE, Outcome.REVIEW, Outcome.BLOCK]


def test_strictness_is_total() -> None:
    assert list(Outcome) == sorted(Outcome) == IN_ORDER
    for laxer, stricter in itertools.combinations(IN_ORDER, 2):
        assert laxer < stricter
        assert max(laxer, stricter) is stricter


def test_words_round_trip() -> None:
    assert [outcome.word for outcome in IN_ORDER] == ["allow", "challenge", "review", "block"]
    assert [Outcome.parse(outcome.word) for outcome in IN_ORDER] == IN_ORDER


@pytest.mark.parametrize("word", ["", "ALLOW", "Block", "deny", " allow", "0"])
def test_other_words_are_refused_with_the_four_named(word: str) -> None:
    with pytest.raises(ValueError, match="allow, challenge, review, block"):
        Outcome.parse(word)
