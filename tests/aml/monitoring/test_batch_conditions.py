"""Conditions over tables hold where the interpreter says so: values, absence, errors."""

from __future__ import annotations

import math

import ibis
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.aml.monitoring.batch.conditions import condition
from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.cel.errors import EvaluationError
from paywarden.risk.rules.cel.program import compile as compile_condition
from paywarden.risk.rules.cel.types import BOOL, MEMBERS

TYPES = {"v.a": "int", "v.b": "int", "v.x": "double", "v.s": "string", "v.f": "bool",
         "v.t": "timestamp"}  # fmt: skip
INTS = st.none() | st.sampled_from([0, 1, -1, 7, -7, 100, 2**53, -(2**53), 2**62, 2**63 - 1])
DOUBLES = st.none() | st.sampled_from([0.0, -0.0, 0.5, -2.5, 1e18, math.inf, -math.inf, math.nan])
TEXTS = st.none() | st.sampled_from(["", "a", "ab", "München", "x%_y"])
ROWS = st.fixed_dictionaries(
    {"a": INTS, "b": INTS, "x": DOUBLES, "s": TEXTS, "f": st.none() | st.booleans()}
)
INT = st.deferred(lambda: st.sampled_from(["v.a", "v.b", "0", "3", "-2"]) | st.builds(
    lambda o, a, b: f"({a} {o} {b})", st.sampled_from("+-*/%"), INT, INT))  # fmt: skip
DOUBLE = st.deferred(lambda: st.sampled_from(["v.x", "0.0", "2.5"]) | st.builds(
    lambda o, a, b: f"({a} {o} {b})", st.sampled_from("+-*/"), DOUBLE, DOUBLE) | st.builds(
    lambda a: f"double({a})", INT))  # fmt: skip
ORDER = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
BOOLS = st.deferred(lambda: st.one_of(
    st.sampled_from(["v.f", "true", "false", "has(v.a)", "has(v.s)", 'v.s in ["a", "München"]',
                     'v.s.contains("a")', 'v.s.startsWith("x%")', 'v.s.endsWith("")',
                     "size(v.s) == 7", "v.a in [1, v.b]", "v.s in lists.known"]),
    st.builds(lambda o, a, b: f"({a} {o} {b})", ORDER, INT, INT),
    st.builds(lambda o, a, b: f"({a} {o} {b})", ORDER, DOUBLE, DOUBLE),
    st.builds(lambda o, a, b: f"({a} {o} {b})", ORDER, INT, DOUBLE),
    st.builds(lambda o, a, b: f"({a} {o} {b})", st.sampled_from(["&&", "||"]), BOOLS, BOOLS),
    st.builds(lambda a: f"!({a})", BOOLS),
    st.builds(lambda c, a, b: f"({c} ? {a} : {b})", BOOLS, BOOLS, BOOLS),
))  # fmt: skip
LISTS = {"lists.known": ("ab", "x%_y")}


def _table(rows):
    names = {"a": pl.Int64, "b": pl.Int64, "x": pl.Float64, "s": pl.String, "f": pl.Boolean}
    return pl.DataFrame([tuple(row[k] for k in names) for row in rows], schema=names, orient="row")


def _held(connection, sources, frame):
    table = ibis.memtable(frame.with_row_index("row"))
    columns = {f"v.{name}": table[name] for name in frame.columns}
    types = {**TYPES, "lists.known": MEMBERS}
    programs = [compile_condition(one, types, result=BOOL) for one in sources]
    asked = {f"c{i}": condition(one, columns, LISTS) for i, one in enumerate(programs)}
    return programs, connection.to_polars(table.select("row", **asked)).sort("row")


@settings(max_examples=6, deadline=None)
@given(st.lists(BOOLS, min_size=8, max_size=16), st.lists(ROWS, min_size=4, max_size=10))
def test_it_holds_where_the_interpreter_says(sources, rows):
    sources = [one for one in sources if "lists." not in one and _small(one)]
    if not sources:
        return
    programs, found = _held(ibis.duckdb.connect(threads=1), sources, _table(rows))
    for place, program in enumerate(programs):
        for row, answer in zip(rows, found[f"c{place}"].to_list(), strict=True):
            assert answer is _true(program, row), (program.source, row)


def _small(source):
    """Integers that come near 64 bits are an error a little earlier than in the interpreter."""
    return source.count("*") <= 1 and len(source) < 160 and sum(map(source.count, "+-*/%")) <= 4


def _true(program, row):
    try:
        return program.evaluate({f"v.{name}": value for name, value in row.items()}) is True
    except EvaluationError:
        return False


def test_members_of_a_named_list():
    frame = _table([{"a": 1, "b": 1, "x": 1.0, "s": s, "f": True} for s in ("ab", "q", None)])
    sources = ["v.s in lists.known", "!(v.s in lists.known)"]
    _, found = _held(ibis.duckdb.connect(threads=1), sources, frame)
    assert found["c0"].to_list() == [True, False, False]
    assert found["c1"].to_list() == [False, True, False]


def test_an_error_is_absorbed_where_the_other_side_decides():
    frame = _table([{"a": 1, "b": 0, "x": None, "s": None, "f": None}])
    sources = ["v.a / v.b == 0 || true", "v.a / v.b == 0 && true", "v.f || v.a == 1",
               "!(v.f && v.a == 2)", "v.x > 0.0 ? true : true"]  # fmt: skip
    _, found = _held(ibis.duckdb.connect(threads=1), sources, frame)
    assert found.drop("row").row(0) == (True, False, True, True, False)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("[1, 2].exists(n, n == v.a)", "lists, maps and loops"),
        ('v.t == timestamp("2026-01-01T00:00:00Z")', "`timestamp`"),
        ('v.s in lists.unknown', "the list `lists.unknown`"),
        ("bool(v.s)", "`bool`"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused_by_name(source, says):
    table = ibis.memtable(pl.DataFrame({"a": [1], "s": ["x"]}))
    types = {**TYPES, "lists.unknown": MEMBERS}
    program = compile_condition(source, types, result=BOOL)
    columns = {"v.a": table.a, "v.s": table.s, "v.t": table.a}
    with pytest.raises(InvalidRequest, match=says):
        condition(program, columns)


def test_what_would_grow_without_end_is_refused():
    source = "v.a" + "".join(f" + (v.b * {i}" for i in range(1, 9)) + ")" * 8 + " > 3"
    program = compile_condition(source, TYPES, result=BOOL)
    table = ibis.memtable(pl.DataFrame({"a": [1], "b": [2]}))
    with pytest.raises(InvalidRequest, match="too deep to be said"):
        condition(program, {"v.a": table.a, "v.b": table.b})


def test_a_missing_column_is_named():
    table = ibis.memtable(pl.DataFrame({"a": [1]}))
    program = compile_condition("v.a > 0 && v.s == 'x'", TYPES, result=BOOL)
    with pytest.raises(InvalidRequest, match=r"no `v\.s`") as caught:
        condition(program, {"v.a": table.a})
    assert caught.value.code == "batch_column" and caught.value.pointer == "1:12"
