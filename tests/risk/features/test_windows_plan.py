"""What a plan refuses, and when a window is partial."""

from __future__ import annotations

from typing import Any

import pytest
from windows_kit import AMOUNT, DAY, FILTERS, SECOND, T0, aggregate

from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.plain import PlainWindows
from paywarden.risk.features.plan import WindowPlan


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("unknown_function", {"function": "median", "of": AMOUNT}),
        ("aggregate_needs_of", {"function": "sum"}),
        ("aggregate_takes_no_of", {"function": "count", "of": AMOUNT}),
        ("unknown_field", {"function": "sum", "of": "payment.amuont_minor"}),
        ("unknown_field", {"function": "distinct", "of": "payer.name"}),
        ("aggregate_type_mismatch", {"function": "sum", "of": "merchant.id"}),
        ("aggregate_type_mismatch", {"function": "first", "of": "merchant.id"}),
        ("aggregate_type_mismatch", {"function": "min", "of": "payment.currency"}),
        ("aggregate_type_mismatch", {"function": "last", "of": "payment.late"}),
        ("unknown_key", {"function": "count", "by": ("cards",)}),
        ("aggregate_keys", {"function": "count", "by": ()}),
        ("aggregate_keys", {"function": "count", "by": ("card", "card")}),
        ("aggregate_keys", {"function": "count", "by": ("card", "ip", "bin", "payer")}),
        ("missing_filter", {"function": "count", "where": "never compiled"}),
        ("window_out_of_range", {"function": "count", "window": 90 * DAY + 1}),
        ("window_out_of_range", {"function": "count", "window": SECOND - 1}),
        ("window_out_of_range", {"function": "count", "window": 401 * DAY, "daily": True}),
        ("window_out_of_range", {"function": "count", "window": DAY + 1, "daily": True}),
        ("window_out_of_range", {"function": "count", "window": None, "daily": True}),
    ],
)
def test_refusals_name_the_aggregate(code: str, given: dict[str, Any]) -> None:
    each = aggregate(**given)
    with pytest.raises(InvalidRequest) as caught:
        WindowPlan([each], FILTERS)
    assert (caught.value.code, caught.value.pointer) == (code, each.name)


def test_limits_and_names_of_a_policy() -> None:
    many = [
        Aggregate(f"a{i}", "count", None, ("card",), DAY, False, None, False) for i in range(4097)
    ]
    with pytest.raises(InvalidRequest, match="too_many_aggregates"):
        WindowPlan(many, {})
    with pytest.raises(InvalidRequest, match="duplicate_aggregate"):
        WindowPlan([many[0], many[0]], {})
    plan = WindowPlan(
        [aggregate("avg", of=AMOUNT), aggregate("last", of="payment.currency"), many[0]], {}
    )
    assert plan.kinds == ("double", "string", "int")
    assert plan.names[2] == "a0"


def test_partial_ends_when_the_log_covers_the_window() -> None:
    midnight = T0 - T0 % DAY
    plan = WindowPlan(
        [
            aggregate("count", window=10 * SECOND),
            aggregate("count", window=3 * DAY, daily=True),
            aggregate("count", window=None),
        ],
        {},
    )
    windows = PlainWindows(plan, midnight + 5)
    assert windows.partial(midnight + 5) == {0, 1}
    assert windows.partial(midnight + 5 + 10 * SECOND - 2) == {0, 1}
    assert windows.partial(midnight + 5 + 10 * SECOND - 1) == {1}
    assert windows.partial(midnight + 3 * DAY - 1) == {1}
    assert windows.partial(midnight + 3 * DAY) == frozenset()
