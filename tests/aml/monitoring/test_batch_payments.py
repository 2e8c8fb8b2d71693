"""Typologies of the payment path over tables: windows by their meaning, what is missing by name."""

from __future__ import annotations

import random

import ibis
import polars as pl
import pytest
from transfer_material import DAY_US, START_US, duckdb_of

from paywarden.aml.monitoring.batch.payments import run_payments
from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.scope import condition_types
from paywarden.risk.rules.typology_model import Combined, Term, Typology
from paywarden.risk.rules.typology_program import typology_program

AMOUNT = "payment.amount_base_minor"


def _window(name, function, of=None, by=("payer",), days=3, where=None, before=False):
    return Aggregate(name, function, of, by, days * DAY_US, False, where, before)


LARGE = 'event.payment.amount_base_minor > 5000 && event.kind == "payment"'
WINDOWS = (
    _window("number", "count"),
    _window("before", "count", before=True),
    _window("large", "count", where=LARGE),
    _window("total", "sum", AMOUNT, days=5),
    _window("mean", "avg", AMOUNT),
    _window("most", "max", AMOUNT, before=True),
    _window("least", "min", AMOUNT, ("payer", "payee")),
    _window("payees", "distinct", "payee.id"),
    Aggregate("ever", "count", None, ("payee",), None, False, None, False),
)  # fmt: skip


def _typology(terms, **more):
    score = Combined("sum", tuple(one.name for one in terms))
    given = {"id": "tried", "entity": "payer", "score": score, "quiet_days": 0, "alert": 1, **more}
    return Typology(title="T", family="f", explanation="E.", sources=("own",), runs="payment",
                    features=(), terms=tuple(terms), **given)  # fmt: skip


def _payments(seed, count=150):
    rnd = random.Random(seed)
    return [
        {
            "sequence": number,
            "at_us": START_US + rnd.choice([3 * DAY_US, 5 * DAY_US, rnd.randrange(12 * DAY_US)]),
            "payer.id": rnd.choice(["a", "b", "c", None]),
            "payee.id": rnd.choice(["p", "q", "r", ""]),
            AMOUNT: rnd.choice([rnd.randrange(10_000), None]),
            "payment.type": rnd.choice(["transfer", "top_up"]),
        }
        for number in range(1, count + 1)
    ]  # fmt: skip


def _plain(window, rows, at):
    """The value of a window at a row, by its meaning."""
    paths = {"payer": "payer.id", "payee": "payee.id"}
    keys = [rows[at][paths[kind]] for kind in window.by]
    if not all(keys):
        return None
    found = [
        row
        for place, row in enumerate(rows[: at + 1])
        if [row[paths[kind]] for kind in window.by] == keys
        and (window.window_us is None or row["at_us"] > rows[at]["at_us"] - window.window_us)
        and not (window.exclude_current and place == at)
        and (window.where is None or (row[AMOUNT] or 0) > 5000)
        and (window.of is None or row[window.of] not in (None, ""))
    ]
    values = [row[window.of] for row in found] if window.of else found
    if window.function in ("count", "sum"):
        return len(found) if window.function == "count" else sum(values)
    if not values:
        return None
    whole = {
        "min": min,
        "max": max,
        "distinct": lambda v: len(set(v)),
        "avg": lambda v: sum(v) / len(v),
    }
    return whole[window.function](values)  # fmt: skip


def test_every_window_and_score():
    rows = _payments(1)
    terms = [
        Term("number", "agg.number >= 4 && agg.before >= 3", 1, "{agg.number} in 3 days"),
        Term("large", "agg.large > 2", 2, "large"),
        Term("total", "agg.total > 20000 && agg.payees > 1", 4, "total"),
        Term("mean", "agg.mean > 4000.0 || agg.most < 3000", 8, "mean"),
        Term("least", "agg.least < 1000", 16, "least"),
        Term("ever", 'agg.ever > 5 && payment.type == "top_up"', 32, "ever"),
        Term("unknown", "!has(payee.id)", 64, "nobody"),
    ]
    typology = _typology(terms)
    result = run_payments([typology], WINDOWS, duckdb_of(rows), ibis.duckdb.connect(threads=1))
    assert result.not_run == ()
    program = typology_program(typology, condition_types(WINDOWS, ()))
    rows.sort(key=lambda row: (row["at_us"], row["sequence"]))
    wanted = []
    for at, row in enumerate(rows):
        given = {path: value for path, value in row.items() if value not in (None, "")}
        given |= {f"agg.{one.name}": _plain(one, rows, at) for one in WINDOWS}
        score = program.score({path: value for path, value in given.items() if value is not None})
        if score >= 1 and row["payer.id"]:
            wanted.append((row["payer.id"], row["sequence"], score))
    assert [(one.account, one.sequence, one.score) for one in result.alerts] == wanted
    assert len({score for *_, score in wanted}) > 15


def test_quiet_days_count_per_entity():
    rows = [
        {"sequence": i, "at_us": START_US + i * DAY_US, "merchant.id": "m"} for i in range(1, 9)
    ]
    one = _typology([Term("any", "true", 5, "always")], entity="merchant", quiet_days=3)
    result = run_payments([one], (), duckdb_of(rows), ibis.duckdb.connect(threads=1))
    assert [(a.account, a.sequence) for a in result.alerts] == [("m", 1), ("m", 4), ("m", 7)]
    assert result.alerts[0].alert().entity.kind == "merchant"


@pytest.mark.parametrize(
    ("when", "lacks"),
    [
        ("payee.age_days > 3", "no `payee.age_days`"),
        ("agg.results > 3", "no `event.status`"),
        ("agg.spread > 3.0", "`stddev` cannot be said"),
        ("agg.daily > 3", "windows in whole days"),
        ("payer.country in lists.bad", "the list `lists.bad`"),
    ],
)
def test_what_is_missing_is_named_and_the_rest_runs(when, lacks):
    windows = (
        _window("results", "count", where='event.status == "declined"'),
        _window("spread", "stddev", AMOUNT),
        Aggregate("daily", "count", None, ("payer",), 9 * DAY_US, True, None, False),
    )
    rows = [{"sequence": 1, "at_us": START_US, "payer.id": "a", AMOUNT: 5, "payer.country": "DE"}]
    typologies = [_typology([Term("t", when, 5, "x")], id="lacking"),
                  _typology([Term("t", f"{AMOUNT} == 5", 5, "x")])]  # fmt: skip
    lists = {"lists.bad": ()} if "lists" not in when else {}
    result = run_payments(
        typologies, windows, duckdb_of(rows), ibis.duckdb.connect(threads=1), lists
    )
    assert [one.typology for one in result.alerts] == ["tried"]
    (left,) = result.not_run
    assert left["typology"] == "lacking"
    assert lacks in left["reason"] or "not declared" in left["reason"]


def test_a_table_needs_time_and_sequence():
    table = ibis.memtable(pl.DataFrame({"at_us": [1]}))
    with pytest.raises(InvalidRequest, match="no column `sequence`"):
        run_payments([], (), table, ibis.duckdb.connect(threads=1))
