"""What a merchant could come to owe, reckoned from windows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from customer_kit import shipped
from hypothesis import given
from hypothesis import strategies as st

from paywarden.aml.customer_risk.exposure import Exposure, NotReckoned, reckon, windows_of
from paywarden.aml.customer_risk.model import ExposureTerms, Level

TERMS = shipped().exposure
assert TERMS is not None


def values(captured: list[int], refunds: int = 0, chargebacks: int = 0) -> dict[str, int]:
    """Captured in 1, 7, 14, 30, 60 and 90 days."""
    assert TERMS is not None
    found = {name: amount for (_, name), amount in zip(TERMS.captured, captured, strict=True)}
    return {**found, TERMS.refunds: refunds, TERMS.chargebacks: chargebacks}


def made(given: dict[str, int], group: str | None, level: Level | None) -> Exposure:
    assert TERMS is not None
    found = reckon(TERMS, given, group, level)
    assert isinstance(found, Exposure)
    return found


def test_what_is_not_delivered_is_open() -> None:
    given = values([100, 700, 1_400, 3_000, 6_000, 9_000])
    assert made(given, "travel", Level.LOW).exposure_minor == 9_000
    assert made(given, "restaurants", Level.LOW).exposure_minor == 100
    assert made(given, "home", Level.LOW).exposure_minor == 3_000
    assert made(given, None, Level.LOW).exposure_minor == 1_400


def test_a_delay_between_two_windows_counts_the_days_between() -> None:
    assert TERMS is not None
    terms = replace(TERMS, delay_days={"other": 22})
    found = reckon(terms, values([0, 0, 1_400, 3_000, 6_000, 9_000]), None, Level.LOW)
    assert isinstance(found, Exposure)
    assert found.undelivered_minor == 1_400 + 1_600 * 8 // 16


def test_what_came_back_makes_the_reserve() -> None:
    given = values([0, 0, 0, 10_000, 20_000, 30_000], refunds=300, chargebacks=400)
    found = made(given, "restaurants", Level.MEDIUM)
    assert (found.refund_percent, found.chargeback_percent, found.loss_percent) == (3.0, 4.0, 7.0)
    assert found.reserve_percent == 20 + 5
    assert found.expected_loss_minor == 10_000 * 700 // 10_000
    assert len(found.says) == 5


def test_a_merchant_whom_nobody_knows_is_held_as_a_risky_one() -> None:
    given = values([0, 0, 6_000_000, 6_000_000, 6_000_000, 6_000_000])
    assert made(given, None, None).hold_payouts
    assert not made(given, None, Level.LOW).hold_payouts
    assert made(given, None, Level.PROHIBITED).level is Level.HIGH


def test_a_window_that_lacks_is_named() -> None:
    assert TERMS is not None
    given = values([1] * 6)
    del given[TERMS.refunds]
    found = reckon(TERMS, given, None, Level.LOW)
    assert found == NotReckoned((TERMS.refunds,))
    assert set(windows_of(TERMS)) >= set(given)


def test_money_that_comes_back_for_nothing_taken_is_a_whole_loss() -> None:
    found = made(values([0] * 6, chargebacks=500), None, Level.LOW)
    assert found.loss_percent == 100.0
    assert found.expected_loss_minor == 500
    assert found.reserve_percent == 80


AMOUNTS = st.integers(0, 10**12)


@given(st.lists(AMOUNTS, min_size=6, max_size=6), AMOUNTS, AMOUNTS, AMOUNTS,
       st.sampled_from(["travel", "home", "restaurants", "education", None]))  # fmt: skip
def test_more_losses_or_a_higher_level_never_lower_reserve_or_expected_loss(
    steps: list[int], refunds: int, chargebacks: int, more: int, group: str | None
) -> None:
    captured = [sum(steps[: n + 1]) for n in range(6)]
    before = made(values(captured, refunds, chargebacks), group, Level.LOW)
    after = made(values(captured, refunds, chargebacks + more), group, Level.LOW)
    assert after.reserve_percent >= before.reserve_percent
    assert after.expected_loss_minor >= before.expected_loss_minor
    riskier: Any = made(values(captured, refunds, chargebacks), group, Level.HIGH)
    assert riskier.reserve_percent >= before.reserve_percent
    assert riskier.limit_minor <= before.limit_minor
    assert 0 <= before.reserve_percent <= 100
    assert before.exposure_minor == before.undelivered_minor + before.expected_loss_minor
    assert before.undelivered_minor <= captured[-1]


def test_terms_are_a_value() -> None:
    assert isinstance(TERMS, ExposureTerms)
