"""Simulated time against the clock; and bodies moved to now."""

from __future__ import annotations

import pytest

from paywarden.cli.demo.pacing import FASTEST, MAX_LAG_SECONDS, Pace
from paywarden.cli.demo.rebasing import rebase
from paywarden.core.clock import FixedClock
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import parse_rfc3339

START_US = 1_000_000_000


@pytest.mark.parametrize("speed", [0.0, 0.5, -3.0, FASTEST + 1, float("nan"), float("inf")])
def test_a_speed_that_cannot_be_kept_is_refused(speed: float) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Pace(FixedClock(), speed)
    assert refused.value.code == "demo_speed_invalid"


def test_waits_follow_the_schedule_and_not_the_calls() -> None:
    clock = FixedClock()
    pace = Pace(clock, 100.0)
    assert pace.wait_seconds(START_US) == 0.0
    assert pace.wait_seconds(START_US + 50_000_000) == pytest.approx(0.5)
    clock.advance(0.2)
    assert pace.wait_seconds(START_US + 50_000_000) == pytest.approx(0.3)
    clock.advance(0.9)
    assert pace.wait_seconds(START_US + 50_000_000) == 0.0
    assert pace.given_up_seconds == 0.0
    assert pace.simulated_seconds == pytest.approx(50.0)


def test_lag_beyond_the_bound_is_given_up_and_stated() -> None:
    clock = FixedClock()
    pace = Pace(clock, 100.0)
    pace.wait_seconds(START_US)
    clock.advance(5.0)
    assert pace.wait_seconds(START_US + 100_000_000) == 0.0
    assert pace.given_up_seconds == pytest.approx(5.0 - 1.0 - MAX_LAG_SECONDS)
    # the schedule moved: what is due MAX_LAG later is due now, nothing older is caught up
    due_us = START_US + 100_000_000 + round(MAX_LAG_SECONDS * 100 * 1e6)
    assert pace.wait_seconds(due_us) == pytest.approx(0.0, abs=1e-6)
    assert pace.wait_seconds(due_us + 100_000_000) == pytest.approx(1.0)


def test_a_body_happens_now_and_everything_else_keeps_its_age() -> None:
    then = parse_rfc3339("2026-10-05T10:00:00Z")
    now = parse_rfc3339("2026-11-22T15:30:00Z")
    body = {
        "id": "pay-1",
        "occurred_at": "2026-10-05T10:00:00Z",
        "payer": {"id": "cus-1", "created_at": "2026-10-05T08:00:00Z", "birth_date": "1990-01-01"},
        "merchant": {"id": "m-1"},
    }
    payer = body["payer"]
    rebase(body, "run-", then, now)
    assert body["id"] == "run--pay-1"
    assert parse_rfc3339(body["occurred_at"]) == now
    assert parse_rfc3339(body["payer"]["created_at"]) == now - 2 * 3_600_000_000
    assert body["payer"]["birth_date"] == "1990-01-01"
    assert body["payer"]["id"] == "cus-1"
    assert payer["created_at"] == "2026-10-05T08:00:00Z", "a shared party is not changed in place"


def test_an_event_names_the_payment_of_its_run() -> None:
    event = {"id": "ev-1", "payment_id": "pay-1", "attempt": "2", "kind": "label"}
    rebase(event, "r", 0, 1_000_000)
    assert (event["id"], event["payment_id"], event["attempt"]) == ("r-ev-1", "r-pay-1", "2")
