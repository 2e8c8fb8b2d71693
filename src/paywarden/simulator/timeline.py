"""Timeline: payments and other events of a history as one table of numbers in time order.

Ties in time are broken by kind, then by the opaque number and the attempt, so the order depends on
nothing but the seed. Guards: a payment row loses the issuer's answer, which nobody knows when the
payment is decided; events inherit their payment's name and attempt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paywarden.simulator.history import History
from paywarden.simulator.rows import PAYMENT_COLUMNS, Ints, Rows
from paywarden.simulator.words import Kind


@dataclass(frozen=True, slots=True)
class Timeline:
    """Both kinds of rows as one table of numbers in time order.

    `rows` has PAYMENT_COLUMNS and those of events; `payment` is the row in `history.payments` that
    a row is or speaks of, -1 for none."""

    rows: Rows
    payment: Ints


def timeline(history: History) -> Timeline:
    """Sort payments and events into one table; events inherit their payment's name and attempt."""
    payments, events = history.payments, history.events
    columns = tuple(dict.fromkeys((*PAYMENT_COLUMNS, "kind", "payment", "verdict", "source",
                                   "reason", "result", "payment_number")))  # fmt: skip
    first = Rows.blank(columns, len(payments), **payments.columns)
    first["kind"], first["payment"] = Kind.PAYMENT, np.arange(len(payments))
    first["payment_number"] = payments["number"]
    # the issuer's answer is not known when the payment is decided: it comes as its own event
    first["status"], first["code"] = -1, -1
    second = Rows.blank(columns, len(events), **events.columns)
    of = events["payment"]
    second["attempt"] = np.where(of >= 0, payments["attempt"][of], -1)
    second["payment_number"] = np.where(of >= 0, payments["number"][of], -1)
    second["fraud"] = 0
    joined = Rows.concat([first, second])
    order = np.lexsort((joined["attempt"], joined["number"], joined["kind"], joined["time"]))
    ordered = joined.take(order)
    return Timeline(ordered, ordered["payment"])
