from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from paywarden.core.secret import Secret
from paywarden.lab.labels import FRAUD, GENUINE
from paywarden.lab.observations import Observations, countable
from paywarden.lab.tables import table_of
from paywarden.risk.features.digests import Digester
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.plan import WindowPlan
from paywarden.risk.rules.filters import FilterSet


def _plan(wheres: list[str | None]) -> tuple[FilterSet, WindowPlan]:
    filters = FilterSet([text for text in wheres if text is not None])
    aggregates = [
        Aggregate(f"w{n}", "count", None, ("card",), 60_000_000, False, where, False)
        for n, where in enumerate(wheres)
    ]
    return filters, WindowPlan(aggregates, filters.filters)


@pytest.mark.parametrize(
    ("wheres", "fraud", "genuine"),
    [
        (['event.kind == "payment"'], False, False),
        (['event.kind == "payment"', 'event.verdict == "fraud"'], True, False),
        (['event.verdict == "fraud" && event.payment.hour > 3'], True, False),
        (['event.verdict != "fraud" || event.payment.late'], True, True),
        (['event.kind == "label" && event.source == "analyst"'], False, False),
        (['event.kind == "payment"', None], True, True),
        (["event.payment.hour > 3"], True, True),
    ],
)
def test_only_labels_that_some_window_could_count_are_fed(
    wheres: list[str | None], fraud: bool, genuine: bool
) -> None:
    filters, plan = _plan(wheres)
    assert countable(FRAUD, "chargeback", filters, plan) is fraud
    assert countable(GENUINE, "chargeback", filters, plan) is genuine


def test_labels_stand_after_payments_of_their_instant_and_never_before_their_delay() -> None:
    times = np.array([0, 10, 10, 20, 30], np.int64)
    fields = pl.DataFrame({"card.fingerprint": ["a", "b", "a", "c", "a"]})
    table = table_of(fields, times, np.arange(5))
    _, plan = _plan(['event.verdict == "fraud"'])
    digester = Digester(Secret(b"k" * 32))
    reports = (
        np.array([0, 1, 3]),
        np.array([10, 20, 30], np.int64),
        np.array([FRAUD, GENUINE, FRAUD], np.int8),
    )
    made = Observations(table, plan, digester, reports, "customer")
    blocks = [made.block(0, 3), made.block(3, 5)]
    rows = [row for columns, _ in blocks for row in columns.to_observations()]
    payments = [bool(p) for _, which in blocks for p in which]
    # The report at 30 is due after the last payment, so that nobody could see it.
    assert payments == [True, True, True, False, True, False, True]
    assert [row.s_us for row in rows] == [0, 10, 10, 10, 20, 20, 30]
    assert [row.seq for row in rows] == list(range(1, 8))
    assert rows[3].keys[0] == digester.digest("card", "a")
    assert rows[5].keys[0] == digester.digest("card", "b")
    assert rows[3].values[:5] == ("label", None, None, "fraud", "customer")
    assert rows[5].values[3] == "genuine"
    assert rows[0].values[0] == "payment"
