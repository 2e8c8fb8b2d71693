"""Decision ids: found without an index, guessed by nobody, of one scope only."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.decision.decision_ids import DecisionIds

IDS = DecisionIds(Secret(bytes(range(32))))
LIVE, TEST = Scope("acme", Environment.LIVE), Scope("acme", Environment.TEST)


@given(seq=st.integers(1, 2**63 - 1))
def test_an_id_gives_its_sequence_back_to_its_scope_alone(seq: int) -> None:
    text = IDS.text(LIVE, seq)
    assert text.startswith("dec_") and len(text) == 30
    assert IDS.seq_of(LIVE, text) == seq
    assert IDS.seq_of(TEST, text) is None
    assert IDS.seq_of(Scope("acme2", Environment.LIVE), text) is None


def test_neighbours_look_nothing_alike() -> None:
    texts = [IDS.text(LIVE, seq) for seq in range(1, 500)]
    assert len(set(texts)) == len(texts)
    assert len({text[4:8] for text in texts}) > 480


def test_one_changed_character_names_nothing() -> None:
    text, chance = IDS.text(LIVE, 77), random.Random(1)
    for place in range(4, 30):
        other = text[:place] + chance.choice(
            [c for c in "abcdefghijklmnopqrstuvwxyz234567" if c != text[place]]
        ) + text[place + 1 :]  # fmt: skip
        assert IDS.seq_of(LIVE, other) in (None, 77 if place == 29 else None)


@pytest.mark.parametrize(
    "text", ["", "dec_", "dec_" + "a" * 26, "dec_" + "A" * 26, "fp_x", "\u0663" * 30]
)
def test_other_texts_name_nothing(text: str) -> None:
    assert IDS.seq_of(LIVE, text) is None


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        DecisionIds(Secret(b"short"))
