"""Outcomes: what the issuer answers, and what follows a payment within seconds or days.

Order: checks are already in the row (they precede the payment); here the issuer authorises or
declines with a response code, the result event follows within seconds, a refund (a payment of its
own) within weeks.
Whether the platform lets the payment reach the issuer at all is not decided here (`reaction`).
Source of the codes: ISO 8583 field 39 as used by the card schemes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from paywarden.core.instants import DAY_US
from paywarden.simulator.presets import Horizon
from paywarden.simulator.rows import EVENT_COLUMNS, Bools, Floats, Ints, Rows
from paywarden.simulator.words import (
    CODES,
    Channel,
    Cvv,
    Initiator,
    Kind,
    Status,
    ThreeDs,
    Type,
)
from paywarden.simulator.world import rhythm
from paywarden.simulator.world.merchants import TRADE_DELIVERS
from paywarden.simulator.world.pools import Cast, Pools
from paywarden.simulator.world.population import People

GENUINE_CODES = {"51": 0.52, "05": 0.22, "54": 0.06, "61": 0.07, "57": 0.05, "91": 0.05, "14": 0.03}
RETRY_SHARE = 0.4
_RETRY_PASSES = 0.62


def authorise(
    rng: np.random.Generator, rows: Rows, decline: Floats, codes: Mapping[str, float]
) -> None:
    """Put status and code into the rows: declined with probability `decline`, code by `codes`.

    A failed authentication or security code nearly always ends the payment, whatever `decline`.
    """
    numbers = np.array([CODES.index(code) for code in codes], dtype=np.int64)
    weights = np.array(list(codes.values()))
    code = rng.choice(numbers, len(rows), p=weights / weights.sum())
    wrong_code = (rows["cvv"] == Cvv.NO_MATCH) & (rng.random(len(rows)) < 0.85)
    failed = rows["three_ds"] == ThreeDs.FAILED
    declined = (rng.random(len(rows)) < decline) | wrong_code | failed
    code = np.where(failed, CODES.index("05"), np.where(wrong_code, CODES.index("82"), code))
    rows["status"] = np.where(declined, Status.DECLINED, Status.AUTHORISED)
    rows["code"] = np.where(declined, code, CODES.index("00"))


def genuine_decline(rows: Rows, pools: Pools, people: People, horizon: Horizon) -> Floats:
    """Probability that the issuer declines an honest payment for other reasons than its checks."""
    base = np.where(rows["channel"] == Channel.ECOMMERCE, 0.045, 0.015)
    base = np.where(rows["channel"] == Channel.IN_APP, 0.004, base)
    base = np.where(rows["initiator"] == Initiator.MERCHANT, 0.085, base)
    holder = np.where(rows["card"] >= 0, pools.column("cards", "party")[rows["card"]], 0)
    _, until = rhythm.pay_day_distance(horizon.start_us, horizon.days)
    day = np.clip((rows["time"] - horizon.start_us) // DAY_US, 0, horizon.days - 1)
    days_to_pay = until[people.pay_day[holder], day]
    short = (rows["card"] >= 0) & (days_to_pay >= 1) & (days_to_pay <= 3)
    return np.where(short, base * 1.6, base)


def retries(rng: np.random.Generator, rows: Rows, people: People, pools: Pools) -> Rows:
    """Second attempts of honest people after a decline, some with another card."""
    person = (rows["status"] == Status.DECLINED) & (rows["initiator"] == Initiator.CUSTOMER)
    person &= (rows["card"] >= 0) & (rng.random(len(rows)) < RETRY_SHARE)
    again = rows.take(person)
    again["attempt"] = again["attempt"] + 1
    again["time"] = again["time"] + (rng.uniform(15, 240, len(again)) * 1e6).astype(np.int64)
    other = rng.random(len(again)) < 0.5
    holder = pools.column("cards", "party")[again["card"]]
    again["card"] = np.where(other, people.cards[holder, 1], again["card"])
    again["cvv"] = np.where(again["cvv"] == Cvv.NO_MATCH, Cvv.MATCH, again["cvv"])
    failed = again["three_ds"] == ThreeDs.FAILED
    again["three_ds"] = np.where(failed, ThreeDs.AUTHENTICATED, again["three_ds"])
    authorise(rng, again, np.full(len(again), 1 - _RETRY_PASSES), GENUINE_CODES)
    return again


def results(rng: np.random.Generator, cast: Cast, rows: Rows, first_row: int) -> Rows:
    """One result event per payment, about a second later. `first_row` numbers the first payment."""
    wait = np.minimum(rng.lognormal(np.log(0.9), 0.6, len(rows)), 30.0)
    return Rows.blank(
        EVENT_COLUMNS,
        len(rows),
        time=rows["time"] + (wait * 1e6).astype(np.int64),
        number=cast.numbers("events", len(rows)),
        kind=Kind.PAYMENT_RESULT,
        payment=np.arange(first_row, first_row + len(rows)),
        status=np.where(_refunded(rows), Status.REFUNDED, rows["status"]),
        code=rows["code"],
        campaign=rows["campaign"],
    )


def _refunded(rows: Rows) -> Bools:
    result: Bools = (rows["type"] == Type.REFUND) & (rows["status"] == Status.AUTHORISED)
    return result


def refunds(rng: np.random.Generator, cast: Cast, rows: Rows, pools: Pools, tempo: float) -> Rows:
    """Goods sent back: requests of refund 2 to 20 days after an authorised payment, most in full.

    `tempo`: factor on the wait. They are payments of their own that the platform decides (phase
    `refund`)."""
    at = np.flatnonzero(rng.random(len(rows)) < _refund_share(rows, pools))
    wait = (rng.uniform(2, 20, len(at)) * tempo * DAY_US).astype(np.int64)
    back = back_payments(cast, rows.take(at), rows["time"][at] + wait)
    part = np.where(rng.random(len(at)) < 0.25, rng.uniform(0.2, 0.9, len(at)), 1.0)
    back["amount"] = np.maximum(1, (back["amount"] * part).astype(np.int64))
    return back


def back_payments(cast: Cast, paid: Rows, when: Ints) -> Rows:
    """A refund of each of these payments in full, granted, at these instants."""
    back = paid.take(np.arange(len(paid)))
    back["number"], back["attempt"] = cast.numbers("payments", len(back)), 1
    back["time"], back["type"] = when, Type.REFUND
    for name in ("avs", "cvv", "three_ds", "shipping", "basket", "promo"):
        back[name] = -1
    back["status"], back["code"] = Status.AUTHORISED, CODES.index("00")
    return back


def _refund_share(rows: Rows, pools: Pools) -> Floats:
    trade = pools.column("merchants", "trade")[rows["merchant"]]
    paid: Bools = (rows["status"] == Status.AUTHORISED) & (rows["type"] == Type.CARD_PAYMENT)
    share = np.where(TRADE_DELIVERS[trade], 0.055, 0.004)
    return np.where(paid & (rows["merchant"] >= 0), share, 0.0)
