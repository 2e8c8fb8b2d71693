"""What a merchant could come to owe: open exposure, reserve, hold of payouts, limit. Pure.

Guards: amounts are whole minor units of the policy's base currency; a window that the policy does
not have, or that does not reach back far enough, makes the exposure unknown and is named, never
counted as zero. Reckoning: money captured within the delay of delivery is not delivered yet; when
the delay lies between two windows, the share of the days between them counts. Of what is delivered,
the share that came back (refunds and chargebacks) is expected to come back again. Reserve: the step
of that share, and the points of the merchant's level. Payouts wait for a person when the exposure
is above the bound of the level. Source: Visa Global Acquirer Risk Standards and Mastercard
Security Rules and Procedures, chapter on merchant monitoring (credit exposure and collateral).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paywarden.aml.customer_risk.model import ExposureTerms, Level
from paywarden.aml.customer_risk.terms_reader import OTHER


@dataclass(frozen=True, slots=True)
class Exposure:
    """`says`: the reckoning, line by line. `limit_minor`: what may be open at this level."""

    undelivered_minor: int
    expected_loss_minor: int
    exposure_minor: int
    loss_percent: float
    refund_percent: float
    chargeback_percent: float
    delay_days: int
    reserve_percent: int
    limit_minor: int
    hold_payouts: bool
    level: Level
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotReckoned:
    """Windows that lack, or are not whole yet."""

    windows: tuple[str, ...]


def windows_of(terms: ExposureTerms) -> tuple[str, ...]:
    """Every window that the reckoning reads."""
    names = (terms.refunds, terms.chargebacks, terms.base, *(name for _, name in terms.captured))
    return tuple(sorted(set(names)))


def reckon(
    terms: ExposureTerms,
    values: Mapping[str, int],
    mcc_group: str | None,
    level: Level | None,
) -> Exposure | NotReckoned:
    """The exposure by window values (an absent one is not known). `level` None: as high."""
    lacking = tuple(name for name in windows_of(terms) if name not in values)
    if lacking:
        return NotReckoned(lacking)
    level = min(Level.HIGH if level is None else level, Level.HIGH)
    delay = terms.delay_days.get(mcc_group or OTHER, terms.delay_days[OTHER])
    undelivered, text = _undelivered(terms, values, delay)
    base = max(0, values[terms.base])
    refunded, charged = max(0, values[terms.refunds]), max(0, values[terms.chargebacks])
    lost = refunded + charged
    loss_percent = _percent(lost, base)
    delivered = max(0, base - undelivered)
    expected = delivered * min(lost, base) // base if base else lost
    exposure = undelivered + expected
    reserve = min(100, _step(terms, loss_percent) + terms.levels[level])
    limit = terms.hold_minor[level]
    return Exposure(
        undelivered, expected, exposure, loss_percent, _percent(refunded, base),
        _percent(charged, base), delay, reserve, limit, exposure > limit, level,
        (
            text,
            f"of {base} captured in {terms.ratio_days} days, {refunded} were refunded and "
            f"{charged} charged back: {loss_percent:g} %",
            f"of what is delivered, {expected} may still come back",
            f"reserve: {_step(terms, loss_percent)} % for that share, "
            f"{terms.levels[level]} % for the level {level.word}",
            f"up to {limit} may be open at the level {level.word}",
        ),
    )  # fmt: skip


def _undelivered(terms: ExposureTerms, values: Mapping[str, int], delay: int) -> tuple[int, str]:
    """Captured within the delay, the days between two windows in proportion."""
    shorter_days, shorter = 0, 0
    for days, name in terms.captured:
        amount = max(0, values[name])
        if days >= delay:
            between = max(0, amount - shorter)
            part = between * (delay - shorter_days) // (days - shorter_days)
            total = shorter + part
            return total, f"captured within {delay} days, the delay of delivery: {total}"
        shorter_days, shorter = days, amount
    return shorter, f"captured within {shorter_days} days: {shorter}"


def _percent(part: int, whole: int) -> float:
    if whole <= 0:
        return 100.0 if part > 0 else 0.0
    return round(100.0 * part / whole, 2)


def _step(terms: ExposureTerms, loss_percent: float) -> int:
    reached = [one.reserve_percent for one in terms.steps if loss_percent >= one.loss_percent]
    return max(reached, default=0)
