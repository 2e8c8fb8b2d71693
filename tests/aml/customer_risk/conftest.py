"""A decision room for tests of customers, and the way to their kit."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "decision"))

from decision_room import POLICY, Room, copy_home, make_home, opened

WINDOWS = b"".join(
    b"- {name: %b, function: sum, of: payment.amount_base_minor, by: [merchant], window: %b,"
    b" where: %b}\n" % row
    for row in (
        *((b"merchant_captured_" + days, days, b'event.status == "captured"')
          for days in (b"1d", b"7d", b"14d", b"30d", b"60d", b"90d")),
        (b"merchant_refunded_sum_30d", b"30d", b'event.status == "refunded"'),
        (b"merchant_charged_back_sum_30d", b"30d",
         b'event.verdict == "fraud" && event.source == "chargeback"'),
        (b"merchant_sum_28d", b"28d", b'event.kind == "payment"'),
    )
)  # fmt: skip
RULES = b"""\
- id: risky-customer
  title: A customer of high risk pays much
  scenario: amounts
  when: risk.customer_level == "high" && payment.amount_minor >= 100000
  then: {points: 45, reason: LARGE}
- id: scaled-threshold
  title: Less is enough where risk is higher
  scenario: amounts
  when: >-
    has(risk.customer_threshold_percent) &&
    payment.amount_minor * 100 >= 50000 * risk.customer_threshold_percent
  then: {points: 1, reason: LARGE}
- id: exposed-merchant
  title: A payout to a merchant who could come to owe too much
  scenario: amounts
  when: risk.merchant_hold
  then: {outcome: review, reason: LARGE}
"""
FILES = {
    **POLICY,
    "aggregates.yaml": POLICY["aggregates.yaml"] + WINDOWS,
    "rules/customers.yaml": RULES,
}
"""A policy whose rules read customers' levels and merchants' exposure."""


@pytest.fixture(scope="session")
def customers_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_home(tmp_path_factory.mktemp("customers"), FILES)


@pytest.fixture
def customers_home(customers_template: Path, tmp_path: Path) -> Path:
    return copy_home(customers_template, tmp_path / "home")


@pytest.fixture
async def room(customers_home: Path) -> AsyncIterator[Room]:
    async with opened(customers_home, files=FILES) as made:
        yield made
