"""A policy whose rules read customers' levels and merchants' exposure."""

from __future__ import annotations

from decision_room import POLICY

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
