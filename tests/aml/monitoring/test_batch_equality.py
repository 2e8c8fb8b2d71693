"""The batch equals the plain way: every function, every motif, alerts, on two back ends."""

from __future__ import annotations

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transfer_material import (
    DAY_US,
    LEGS,
    MOTIFS,
    START_US,
    feature,
    frame,
    leg_features,
    motif_features,
    typology,
    world,
)

from paywarden.aml.monitoring.batch.leg_features import LegFeatures
from paywarden.aml.monitoring.batch.motifs import motif_table
from paywarden.aml.monitoring.batch.points import points_of
from paywarden.aml.monitoring.batch.running import run_batch
from paywarden.aml.monitoring.batch.tables import flows_of
from paywarden.aml.monitoring.batch.workspace import Workspace
from paywarden.aml.monitoring.functions import MOST_LEGS, measure_of
from paywarden.aml.monitoring.plain import PlainFlows, ordered
from paywarden.aml.monitoring.plain_monitor import alerts_of
from paywarden.aml.monitoring.transfers import Transfer
from paywarden.risk.rules.typology_model import Combined, Term

NO_RAW_SQLITE = ("benford",)
"""Their expressions are deeper than SQLite parses."""


def duckdb():
    return ibis.duckdb.connect(threads=1)


class _Opened:
    """Tables of transfers on a back end."""

    def __init__(self, connection, transfers):
        self.work = Workspace(connection)
        self.flows = flows_of(self.work.keep(ibis.memtable(frame(transfers)), "given"), self.work)
        rows = self.work.fetch(self.flows.accounts).iter_rows(named=True)
        self.names = {row["id"]: row["account"] for row in rows}

    def legs(self, measures):
        legs = self.flows.legs
        points = points_of(legs.select("account", "n"), self.flows.transfers, legs, self.work)
        table = LegFeatures(self.flows, points, self.work).table(measures)
        return self.work.fetch(points.join(table, "point")).iter_rows(named=True)

    def motif(self, measure):
        rows = self.work.fetch(motif_table(self.flows.transfers, measure, self.work))
        return {
            (row["n"] - 1, self.names[row["account"]]): row["size"]
            for row in rows.iter_rows(named=True)
        }


def _compare_legs(connection, transfers, features):
    plain, opened = PlainFlows(ordered(transfers)), _Opened(connection, transfers)
    measures = {f"m{i}": measure_of(one) for i, one in enumerate(features)}
    seen = 0
    for row in opened.legs(measures):
        for name, measure in measures.items():
            wanted = plain.value(measure, opened.names[row["account"]], row["n"] - 1)
            assert row[name] == wanted, (measure, row)
            seen += wanted not in (None, 0)
    opened.work.close()
    return seen


def test_every_function_of_legs():
    transfers = world(1) + world(2, first=100) + world(3, accounts=3, count=90, first=300)
    features = [one for name in LEGS for one in leg_features(name)]
    assert _compare_legs(duckdb(), transfers, features) > 1_000


def test_functions_of_legs_on_sqlite():
    features = [leg_features(name)[0] for name in LEGS if name not in NO_RAW_SQLITE]
    assert _compare_legs(ibis.sqlite.connect(), world(4), features) > 100


@pytest.mark.parametrize("function", MOTIFS)
@pytest.mark.parametrize("backend", ["duckdb", "sqlite"])
def test_every_motif(function, backend):
    transfers = world(5) + world(6, accounts=4, count=40, first=100)
    connection = duckdb() if backend == "duckdb" else ibis.sqlite.connect()
    plain, opened = PlainFlows(ordered(transfers)), _Opened(connection, transfers)
    found = 0
    for one in motif_features(function)[: 3 if backend == "duckdb" else 1]:
        measure = measure_of(one)
        wanted = {
            (at, account): size
            for at in range(len(plain.transfers))
            for account, size in plain.motif(measure, at).items()
        }
        assert opened.motif(measure) == wanted, measure
        found += len(wanted)
    opened.work.close()
    assert found > 3


def test_only_the_latest_legs_are_looked_at():
    many = [
        Transfer(i + 1, START_US + i * 1_000, f"p{i % 9}", "hub", 100 + i) for i in range(MOST_LEGS)
    ]
    last = [Transfer(5_000 + i, START_US + DAY_US + i, "x", "hub", 7) for i in range(3)]
    features = [feature(name, window="90d") for name in ("count", "sum", "max", "near_equal")]
    features.append(feature("distinct_counterparties", window="90d"))
    opened = _Opened(duckdb(), many + last)
    plain = PlainFlows(ordered(many + last))
    measures = {one.name: measure_of(one) for one in features}
    rows = [row for row in opened.legs(measures) if opened.names[row["account"]] == "hub"]
    newest = max(rows, key=lambda row: row["n"])
    for name, measure in measures.items():
        assert newest[name] == plain.value(measure, "hub", newest["n"] - 1)
    assert newest["count"] == MOST_LEGS
    opened.work.close()


# --- alerts ---------------------------------------------------------------------------------------

TRIED = (
    typology(
        [feature("distinct_counterparties", direction="in"), feature("share_kept"),
         feature("turnaround_hours")],
        [
            Term("many", "flow.distinct_counterparties >= 3", 50, "{flow.distinct_counterparties}"),
            Term("kept", "flow.share_kept < 0.5 || flow.turnaround_hours > 400.0", 30, "kept"),
            Term("large", 'transfer.amount_minor > 5000 && transfer.direction == "out"', 7.5, "x"),
        ],
        Combined("sum", ("many", "kept", "large")), 50,
    ),
    typology(
        [feature("cycle", **{"from": 3}), feature("fan_in", **{"from": 2}), feature("sum")],
        [
            Term("ring", "flow.cycle >= 3", 60, "{flow.cycle} hops"),
            Term("fan", "flow.fan_in > 0 && flow.sum / 2 > 1000", 20, "fan"),
            Term("member", '!has(transfer.direction) || account.country == "DE"', 5, "member"),
        ],
        Combined("sum", ("ring", Combined("max", ("fan", 3.0)),
                         Combined("product", ("member", 1.5)))), 20, id="ring",
    ),
    typology(
        [feature("count", window="1d"), feature("dormant_days")],
        [
            Term("old", "account.age_days > 3 && account.age_days % 2 == 0", 10, "old"),
            Term("woken", "flow.dormant_days >= 2", -4, "woken"),
        ],
        Combined("min", ("old", Combined("sum", ("woken", 12.0)))), 8, id="least", quiet_days=0,
    ),
)  # fmt: skip


def _keys(alerts):
    return [(one.typology, one.account, one.sequence, one.score) for one in alerts]


@settings(max_examples=2, deadline=None)
@given(st.lists(st.integers(10, 10_000), min_size=3, max_size=6, unique=True))
def test_alerts_of_many_worlds(seeds):
    transfers = [
        one
        for place, seed in enumerate(seeds)
        for one in world(seed, count=50, first=1 + place * 1_000)
    ]
    result = run_batch(TRIED, ibis.memtable(frame(transfers)), duckdb())
    assert _keys(result.alerts) == _keys(alerts_of(TRIED, transfers))
    assert result.transfers == len(ordered(transfers))


def test_alerts_on_sqlite():
    transfers = world(8) + world(9, first=500)
    result = run_batch(TRIED, ibis.memtable(frame(transfers)), ibis.sqlite.connect())
    found = _keys(result.alerts)
    assert found == _keys(alerts_of(TRIED, transfers)) and len(found) > 20


def test_an_alert_says_why():
    transfers = [Transfer(i, START_US + i * DAY_US, f"p{i}", "hub", 100) for i in range(1, 5)]
    result = run_batch(TRIED[:1], ibis.memtable(frame(transfers)), duckdb())
    (alert,) = result.alerts
    assert (alert.account, alert.sequence, alert.score) == ("hub", 3, 50.0)
    assert [(why.name, why.says) for why in alert.reasons] == [("many", "3")]
    assert alert.alert().entity.id == "hub" and alert.alert().id.startswith("al_")
    assert result.peaks.rows() == [("tried", "hub", 50.0)]


def test_nothing_to_look_at():
    result = run_batch(TRIED, ibis.memtable(frame([])), duckdb())
    assert (result.alerts, result.transfers, len(result.peaks)) == ((), 0, 0)
    oneself = [Transfer(1, START_US, "a", "a", 5), Transfer(2, START_US, "", "", 5),
               Transfer(3, START_US, "a", "b", 0)]  # fmt: skip
    assert run_batch(TRIED, ibis.memtable(frame(oneself)), duckdb()).transfers == 0


def test_what_was_made_is_dropped():
    connection = duckdb()
    run_batch(TRIED, ibis.memtable(frame(world(8))), connection)
    assert [name for name in connection.list_tables() if name.startswith("paywarden_")] == []
