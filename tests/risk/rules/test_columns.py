from __future__ import annotations

import math

import numpy as np
import pytest
from compiled_material import policy, rule, vector

from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.column_program import LARGE
from paywarden.risk.rules.columns import Column, column_of, columns_of_vectors
from paywarden.risk.rules.compiler import compile_policy


def columns_of(compiled, rows):
    slots = [(path, slot, compiled.types[path].kind) for path, slot in compiled.slots.items()]
    return columns_of_vectors(rows, slots)


def test_fired_rules_and_errors_in_blocks():
    compiled = compile_policy(
        policy(
            "payment.amount_minor >= 3",
            "payment.amount_minor * 3074457345618258603 > 1",
            'card.country == "DE" && payment.hour > 5',
            rule(3, "payment.hour > 5", segments=("web",)),
            "merchant.id in lists.bad",
        )
    )
    lists = {"bad": {"m3", "m4"}}
    rows = []
    for n in range(100):
        fields = {"payment__amount_minor": n % 6, "card__country": ("DE", "FR", None)[n % 3]}
        if n % 4:
            fields["payment__hour"] = n % 24
        if n % 5:
            fields["merchant__id"] = f"m{n % 7}"
        if n % 3:
            fields["payment__channel"] = "ecommerce"
        rows.append(vector(compiled, lists, **fields))
    columns = columns_of(compiled, rows)
    for block in (1, 7, 8, 64, 1000):
        found = compiled.columns.evaluate(columns, lists, 100, block=block)
        assert [found.of(n) for n in range(100)] == [
            compiled.online.evaluate(row, lists) for row in rows
        ]
        errors = [0] * 5
        for row in rows:
            for number in compiled.online.errors(row, lists):
                errors[number] += 1
        assert found.errors.tolist() == errors
        assert found.fired.tolist() == np.bincount(found.rules, minlength=5).tolist()
    assert min(errors[1:]) > 0


def test_a_path_without_a_column_is_missing():
    compiled = compile_policy(policy("has(payment.hour)", "payment.hour > 1", "!has(card.bin)"))
    phase = {"payment.phase": column_of(["pre_auth"] * 3, "string")}
    found = compiled.columns.evaluate(phase, {}, 3)
    assert [found.of(n) for n in range(3)] == [[2]] * 3
    assert found.errors.tolist() == [0, 3, 0]


def test_large_dictionaries_are_asked_block_by_block():
    compiled = compile_policy(
        policy('payer.id == "p5"', "payer.id in lists.bad", 'payer.id.endsWith("00")')
    )
    n = LARGE + 5_000
    columns = {
        "payment.phase": Column("string", np.zeros(n, np.int32), None, ("pre_auth",)),
        "payer.id": column_of([f"p{row}" if row % 3 else None for row in range(n)], "string"),
    }
    columns["payer.id"] = column_of([f"p{row}" if row != 7 else None for row in range(n)], "string")
    found = compiled.columns.evaluate(columns, {"bad": {"p7", "p8", f"p{n - 1}", "other"}}, n)
    assert found.of(5) == [0]
    assert found.of(7) == []
    assert found.of(8) == found.of(n - 1) == [1]
    assert found.fired.tolist() == [1, 2, sum(str(row).endswith("00") for row in range(n))]
    assert found.errors.tolist() == [1, 1, 1]


def test_shares_are_what_the_index_can_use():
    compiled = compile_policy(policy("payment.hour >= 3 && card.is_prepaid"))
    rows = [
        vector(compiled, payment__hour=hour, card__is_prepaid=prepaid)
        for hour, prepaid in [(1, True), (4, False), (None, True), (9, None)]
    ]
    shares = compiled.columns.shares(columns_of(compiled, rows), {}, 4)
    assert shares["ge", "payment.hour", 3] == (0.5, 0.25)
    assert shares["true", "card.is_prepaid"] == (0.5, 0.25)


def test_columns_keep_values_and_gaps():
    for kind, values in [
        ("int", [1, None, -(2**63)]),
        ("double", [1.5, None, math.inf]),
        ("bool", [True, None, False]),
        ("string", ["a", None, "é"]),
        ("timestamp", [0, None, -1]),
        ("map", [{"k": 1}, None, {}]),
    ]:
        column = column_of(values, kind)
        assert column.values() == values
        assert column.present().tolist() == [True, False, True]
        assert column.slice(1, 3).values() == values[1:]
    assert column_of([1, 2], "int").valid is None


def test_unfit_columns_are_refused_by_name():
    compiled = compile_policy(policy("payment.hour > 1", "model.p > 0.5"))
    with pytest.raises(InvalidRequest) as caught:
        compiled.columns.evaluate({"payment.hour": column_of(["a"], "string")}, {}, 1)
    assert (caught.value.code, caught.value.pointer) == ("column_kind", "payment.hour")
    with pytest.raises(InvalidRequest) as caught:
        compiled.columns.evaluate({"payment.hour": column_of([1], "int")}, {}, 2)
    assert caught.value.code == "column_length"
    with pytest.raises(InvalidRequest):
        column_of(["a"], "int")
    with pytest.raises(InvalidRequest):
        column_of([2**63], "int")
    columns = {
        "model.p": column_of([1, None], "int"),
        "payment.phase": column_of(["pre_auth"] * 2, "string"),
    }
    assert compiled.columns.evaluate(columns, {}, 2).of(0) == [1]
