from __future__ import annotations

import numpy as np
import pytest

from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.columns import from_observations
from paywarden.risk.features.observation import KEY_COUNT, VALUE_COUNT, Observation
from paywarden.risk.rules.cel.errors import CompileError, EvaluationError
from paywarden.risk.rules.cel.interpreter import Evaluation
from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.filters import FilterSet, compile_filter, compile_filters
from paywarden.risk.rules.scope import filter_types

TEXTS = [
    'event.kind == "payment"',
    'event.kind == "payment_result" && event.status == "declined"',
    'event.kind == "payment" && event.payment.amount_minor >= 500',
    'event.kind == "payment" && event.payment.amount_minor * 2 < event.payment.amount_base_minor',
    '!(event.payment.channel in ["pos", "moto"])',
    "event.card.is_prepaid || event.ip.is_vpn",
    'has(event.verdict) ? event.verdict == "fraud" : event.payment.hour < 6',
    'event.card.bin.startsWith("41")',
    "event.payment.hour / event.payment.weekday == 2",
    "event.card.country != event.ip.country",
    'event.status < "b"',
    "true",
    "false",
]


def observation(seq: int, **values: object) -> Observation:
    row: list[object] = [None] * VALUE_COUNT
    for name, value in values.items():
        row[OBSERVED_INDEX[name.replace("__", ".")]] = value
    for index, field in enumerate(OBSERVED_INDEX):
        if row[index] is None and field in ("merchant.id", "device.id"):
            row[index] = 0
    return Observation(seq, seq, seq, (0,) * KEY_COUNT, tuple(row))  # type: ignore[arg-type]


def some_observations() -> list[Observation]:
    draw = np.random.default_rng(5)
    rows = []
    for seq in range(1, 120):
        values: dict[str, object] = {
            "event__kind": draw.choice(["payment", "payment_result", "label"]).item(),
            "event__status": draw.choice(["declined", "authorised", "b"]).item(),
            "event__verdict": draw.choice(["fraud", "genuine"]).item(),
            "payment__amount_minor": int(draw.choice([499, 500, 2**62, 2**63 - 1, 7])),
            "payment__amount_base_minor": int(draw.integers(0, 2000)),
            "payment__channel": draw.choice(["pos", "moto", "ecommerce"]).item(),
            "payment__hour": int(draw.integers(0, 24)),
            "payment__weekday": int(draw.integers(0, 7)),
            "card__is_prepaid": bool(draw.integers(0, 2)),
            "ip__is_vpn": bool(draw.integers(0, 2)),
            "card__bin": draw.choice(["411111", "510000"]).item(),
            "card__country": draw.choice(["DE", "FR"]).item(),
            "ip__country": draw.choice(["DE", "FR"]).item(),
        }
        kept = {name: value for name, value in values.items() if draw.random() < 0.7}
        rows.append(observation(seq, **kept))
    return rows


def reference(text: str, one: Observation) -> bool:
    bindings = {
        name: one.values[OBSERVED_INDEX[name if name in OBSERVED_INDEX else name[6:]]]
        for name in filter_types()
    }
    try:
        return Evaluation({}, bindings).value(compile_condition(text, filter_types()).expr) is True
    except EvaluationError:
        return False


@pytest.mark.parametrize("text", TEXTS)
def test_one_filter_agrees_with_the_interpreter_on_rows_and_columns(text):
    rows = some_observations()
    compiled = compile_filter(text)
    expected = [reference(text, row) for row in rows]
    assert [compiled.test(row) for row in rows] == expected
    assert compiled.columns(from_observations(rows)).tolist() == expected


def test_all_filters_of_a_plan_answer_at_once():
    filters = FilterSet(TEXTS)
    for row in some_observations():
        mask = filters.masks(row)
        assert [bool(mask >> bit & 1) for bit in range(len(TEXTS))] == [
            one.test(row) for one in filters.filters.values()
        ]


def test_more_filters_than_a_machine_word_has_bits():
    texts = [f"event.payment.amount_minor >= {bound}" for bound in range(200)]
    filters = FilterSet(texts)
    assert filters.masks(observation(1, payment__amount_minor=149)) == (1 << 150) - 1
    assert filters.masks(observation(2)) == 0


def test_columns_of_nothing():
    assert compile_filter("true").columns(from_observations([])).tolist() == []


def test_equal_texts_are_one_filter():
    assert list(compile_filters([TEXTS[0], TEXTS[0]])) == [TEXTS[0]]


@pytest.mark.parametrize("text", ["event.merchant.id == 'x'", "payment.hour > 1", "event.kind"])
def test_other_names_and_types_are_refused(text):
    with pytest.raises(CompileError):
        compile_filter(text)
