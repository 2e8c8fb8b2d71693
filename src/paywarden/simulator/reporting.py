"""Reporting: how and when somebody tells that a payment was fraud, rightly or wrongly.

Delay is log-normal with a median of about seven days and a tail of 60 to 90; ten reports in a
hundred never come; of those that come two to five in a hundred are wrong (an honest payment charged
back, a fraud called genuine). Declined fraud costs nobody and is not reported. Reason codes are the
schemes' own (Visa 10.x, Mastercard 48xx, American Express Fxx, Discover UAxx).
"""

from __future__ import annotations

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator.campaigns.model import Report
from paywarden.simulator.rows import EVENT_COLUMNS, Ints, Rows
from paywarden.simulator.words import REASONS, Channel, Kind, Source, Status, Type, Verdict
from paywarden.simulator.world.geography import BINS
from paywarden.simulator.world.pools import Cast, Pools

NOTICE_SOONER = 0.6
"""Factor on the delay of issuer notices (TC40, SAFE): they need no claim by the cardholder."""
CALLED_GENUINE = 0.012
DELAY_SIGMA = 1.0
LONGEST_DAYS = 120.0
_SCHEMES = ("visa", "mastercard", "amex", "discover")
_BIN_SCHEME = np.array([_SCHEMES.index(b.scheme) for b in BINS], dtype=np.int64)


def delays(rng: np.random.Generator, count: int, median_days: float) -> Ints:
    """Reporting delays in microseconds."""
    days = rng.lognormal(np.log(median_days), DELAY_SIGMA, count)
    return (np.minimum(days, LONGEST_DAYS * median_days / 7) * DAY_US).astype(np.int64)


def on_fraud(
    rng: np.random.Generator,
    cast: Cast,
    rows: Rows,
    first_row: int,
    pools: Pools,
    median_days: float,
    report: Report,
) -> Rows:
    """Labels on the authorised frauds among `rows`."""
    hurt = (rows["fraud"] == 1) & (rows["status"] == Status.AUTHORISED)
    at = np.flatnonzero(hurt & (rng.random(len(rows)) >= report.unreported))
    days = median_days * report.delay
    labels = _labels(rng, cast, rows.take(at), first_row + at, pools, days)
    _told(rng, labels, report)
    mistaken = rng.random(len(at)) < CALLED_GENUINE
    labels["verdict"] = np.where(mistaken, Verdict.GENUINE, Verdict.FRAUD)
    labels["source"] = np.where(mistaken, Source.ANALYST, labels["source"])
    labels["reason"] = np.where(mistaken, -1, labels["reason"])
    return labels


def _told(rng: np.random.Generator, labels: Rows, report: Report) -> None:
    """Put in the campaign's own words where it has some."""
    if report.source is not None:
        labels["source"] = report.source
    if report.reasons:
        words = np.array([REASONS.index(reason) for reason in report.reasons], dtype=np.int64)
        labels["reason"] = rng.choice(words, len(labels))


def on_genuine(
    rng: np.random.Generator,
    cast: Cast,
    rows: Rows,
    first_row: int,
    pools: Pools,
    median_days: float,
    rate: float,
) -> Rows:
    """False fraud reports on honest authorised payments, at `rate` per payment."""
    paid = (rows["status"] == Status.AUTHORISED) & (rows["merchant"] >= 0)
    paid &= rows["type"] != Type.REFUND
    at = np.flatnonzero(paid & (rng.random(len(rows)) < rate))
    return _labels(rng, cast, rows.take(at), first_row + at, pools, median_days)


def _labels(
    rng: np.random.Generator,
    cast: Cast,
    rows: Rows,
    payment: Ints,
    pools: Pools,
    median_days: float,
) -> Rows:
    count = len(rows)
    kinds = [Source.CHARGEBACK, Source.ISSUER_NOTICE, Source.CUSTOMER]
    source = rng.choice(kinds, count, p=[0.68, 0.22, 0.10])
    by_account = rows["card"] < 0
    source = np.where(by_account, Source.CUSTOMER, source)
    sooner = np.where(source == Source.ISSUER_NOTICE, NOTICE_SOONER, 1.0)
    scheme = _BIN_SCHEME[pools.column("cards", "bin")[rows["card"]]]
    absent = (rows["channel"] == Channel.ECOMMERCE).astype(np.int64)
    reason = np.where(source == Source.CUSTOMER, REASONS.index("unrecognised"), 2 * scheme + absent)
    return Rows.blank(
        EVENT_COLUMNS,
        count,
        time=rows["time"] + (delays(rng, count, median_days) * sooner).astype(np.int64),
        number=cast.numbers("events", count),
        kind=Kind.LABEL,
        payment=payment,
        verdict=Verdict.FRAUD,
        source=source,
        reason=np.where(by_account, REASONS.index("takeover"), reason),
        campaign=rows["campaign"],
    )
