"""The flow engine against the plain evaluator: every value of every feature, and every alert."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from flow_material import every_feature, transfers, watching
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.aml.monitoring.engine import FlowEngine
from paywarden.aml.monitoring.functions import measure_of
from paywarden.aml.monitoring.numbering import TransferBatch
from paywarden.aml.monitoring.plain import PlainFlows, Value, ordered
from paywarden.aml.monitoring.plain_monitor import alerts_of
from paywarden.aml.monitoring.transfers import Transfer
from paywarden.core.errors import InvalidRequest
from paywarden.risk.rules.typology_model import FlowFeature, Typology

_FEATURES = every_feature()
_EVERY = watching(_FEATURES, "flow.f0 >= 3")


class _Recording(FlowEngine):
    """Keeps the rows that are scored: (transfer, account) -> values by feature."""

    def __init__(self, typologies: Sequence[Typology]) -> None:
        super().__init__(typologies)
        self.read: dict[tuple[int, str], dict[str, Value]] = {}

    def _score(self, batch: TransferBatch) -> list:  # type: ignore[type-arg]
        view = self._rows.view(batch, self.plan.doubles)
        for row in range(int(self._rows.filled[0])):
            values = view.values(self.plan.watched[0], row)
            place = view.sequence(row), self.numbers.accounts.text(view.account(row))
            self.read[place] = {
                name: values[f"flow.{name}"] for name in self.plan.watched[0].columns
            }
        return super()._score(batch)


@settings(max_examples=12, deadline=None)
@given(transfers(40))
def test_every_value_is_that_of_the_plain_evaluator(made: list[Transfer]) -> None:
    given_order = ordered(made)
    engine = _Recording([_EVERY])
    engine.take(engine.numbers.batch(given_order))
    flows = PlainFlows(given_order)
    expected: dict[tuple[int, str], dict[str, Value]] = {}
    for at, one in enumerate(given_order):
        accounts = {one.from_account, one.to_account} - {""}
        for feature in _FEATURES:
            if measure_of(feature).is_motif:
                accounts |= set(flows.motif(measure_of(feature), at))
        for account in accounts:
            expected[one.sequence, account] = {
                feature.name: flows.value(measure_of(feature), account, at) for feature in _FEATURES
            }
    assert engine.read == expected
    assert not any(engine.bounded.values())


_CONDITIONS = (
    ("flow.f0 >= 2 && account.age_days < 20", "flow.f30 > 150.0", 'transfer.kind != "cash"'),
    ("flow.f228 >= 3", "flow.f0 > 1", 'transfer.direction == "in" || account.country == "DE"'),
    ("flow.f240 >= 3 || flow.f252 >= 2", "has(flow.f144)", "transfer.amount_minor > 300"),
)


@settings(max_examples=25, deadline=None)
@given(transfers(), st.sampled_from(_CONDITIONS), st.integers(1, 50))
def test_alerts_are_those_of_the_plain_monitor(
    made: list[Transfer], conditions: tuple[str, ...], cut: int
) -> None:
    used = {
        f"f{n}" for n in range(len(_FEATURES)) if any(f"flow.f{n} " in c + " " for c in conditions)
    }
    used |= {"f144"} if "f144" in "".join(conditions) else set()
    features = tuple(one for one in _FEATURES if one.name in used)
    typology = watching(features, *conditions)
    engine = FlowEngine([typology])
    given_order = ordered(made)
    found = []
    for start in range(0, len(given_order), cut):
        found += engine.take(engine.numbers.batch(given_order[start : start + cut]))
    assert {(one.account, one.sequence, one.score) for one in found} == {
        (one.account, one.sequence, one.score) for one in alerts_of([typology], made)
    }


def test_a_ring_closes_and_names_everybody_on_it() -> None:
    ring = [Transfer(n, n * 10**9, str(n), str((n + 1) % 4), 1000 - n) for n in range(4)]
    features = (FlowFeature("ring", "cycle", {"window": "7d", "fee": 0.1}),)
    engine = FlowEngine([watching(features, "false", "false", "flow.ring == 4")])
    alerts = engine.take(engine.numbers.batch(ring))
    assert sorted(one.account for one in alerts) == ["0", "1", "2", "3"]
    assert {one.sequence for one in alerts} == {3}
    assert sorted(alerts[0].others) == sorted({"0", "1", "2", "3"} - {alerts[0].account})
    assert alerts[0].values["flow.ring"] == 4


def test_a_busy_account_is_bounded_and_counted() -> None:
    many = [Transfer(n, n * 10**6, str(n), "hub", 100) for n in range(1, 1_503)]
    features = (FlowFeature("all", "count", {"window": "30d"}),)
    engine = FlowEngine([watching(features, "false", "false", "flow.all >= 1000")])
    alerts = engine.take(engine.numbers.batch(many))
    assert [one.sequence for one in alerts] == [1_000]
    assert engine.bounded["legs"] == 502


def test_legs_of_the_past_are_given_back_and_accounts_forgotten() -> None:
    features = (FlowFeature("all", "count", {"window": "2d"}),)
    engine = FlowEngine([watching(features, "flow.all > 100")])
    day = 86_400 * 10**6
    for days in range(0, 900, 3):
        rows = [
            Transfer(days * 100 + n, days * day + n, f"a{days}-{n}", f"b{days}-{n}", 5)
            for n in range(20)
        ]
        engine.take(engine.numbers.batch(rows))
    held = engine.memory()
    assert held["accounts"] < 6_500  # 400 days of 40 accounts every third day
    assert held["leg_bytes"] < 40 * 4 * 8 * 8 * 4


def test_time_does_not_go_back() -> None:
    engine = FlowEngine([_EVERY])
    engine.take(engine.numbers.batch([Transfer(1, 10, "a", "b", 5)]))
    with pytest.raises(InvalidRequest, match="transfer_order"):
        engine.take(engine.numbers.batch([Transfer(2, 9, "a", "b", 5)]))
