"""Names within free text: found where they stand, and texts of everyday life ask nothing."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.aml.screening.index import DEFAULT_THRESHOLD, ScreeningIndex
from paywarden.aml.screening.model import ListedEntity, ListedName
from paywarden.aml.screening.serving.answering import Answering
from paywarden.aml.screening.serving.free_text import MOST_SPANS, FreeText
from paywarden.aml.screening.serving.messages import HIT_AT, AskedParty

NAMES = {
    "Person": (
        "Zoltan Quarzenberg", "Hassan Al Brimstone", "Maria Invoice Rent", "Mueller Hans Peter",
    ),
    "Company": ("Brackwater Orchid Trading LLC", "General Trading Company Limited"),
    "Vessel": ("Winter Rose", "Ocean Star"),
}  # fmt: skip


@pytest.fixture(scope="module")
def index() -> ScreeningIndex:
    return ScreeningIndex.build(
        ListedEntity(f"x-{kind}-{number}", "x", kind, (ListedName(name),))  # type: ignore[arg-type]
        for kind, names in NAMES.items()
        for number, name in enumerate(names)
    )


def test_the_operating_point_is_said_once_more_and_alike() -> None:
    assert HIT_AT == DEFAULT_THRESHOLD


@pytest.mark.parametrize(
    "text",
    [
        "Zoltan Quarzenberg",
        "payment to ZOLTAN QUARZENBERG ref 12",
        "inv.4711/Quarzenberg,Zoltan",
        "for the flat, from Zoltán Quarzenberg and family",
        "a " * 300 + "zoltan quarzenberg",
        "x" * 900 + " Zoltan Quarzenberg",
        "\u202eZoltan\u200f Quarzenberg",
        "Brackwater Orchid Trading deposit",
    ],
)
def test_a_name_is_found_wherever_it_stands(index: ScreeningIndex, text: str) -> None:
    found = Answering(index).answer(AskedParty(text, free_text=True))
    assert found and found[0].score >= 0.9


@pytest.mark.parametrize(
    "text",
    [
        "invoice 4711 Mueller", "Rechnung 2026-113 Hans Meier", "rent November", "thank you!",
        "trading account top up", "winter clothes", "Quarzenberg", "Zoltan", "", "4711", "🎂🎉",
    ],
)  # fmt: skip
def test_everyday_texts_find_nobody(index: ScreeningIndex, text: str) -> None:
    found = Answering(index).answer(AskedParty(text, free_text=True))
    assert not [one for one in found if one.score >= 0.9]


@given(st.text(max_size=1_024))
def test_any_text_is_answered_within_bounds(text: str) -> None:
    index = _small()
    spans = FreeText(index).spans(text)
    assert len(spans) <= MOST_SPANS
    Answering(index).answer(AskedParty(text, free_text=True))


def test_a_text_made_of_listed_words_stays_bounded(index: ScreeningIndex) -> None:
    words = [word for names in NAMES.values() for name in names for word in name.split()]
    text = " ".join(random.Random(1).choices(words, k=160))[:1_024]
    assert len(FreeText(index).spans(text)) <= MOST_SPANS


_KEPT: list[ScreeningIndex] = []


def _small() -> ScreeningIndex:
    if not _KEPT:
        entity = ListedEntity("x", "x", "Person", (ListedName("Zoltan Quarzenberg"),))
        _KEPT.append(ScreeningIndex.build([entity]))
    return _KEPT[0]
