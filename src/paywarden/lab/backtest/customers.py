"""Whose payment it is, which intervals are resampled by, and what it is worth.

Guards: payments of one person are no independent draws, so a bootstrap draws persons. A payment's
customer is the payer, else the card, the e-mail, the device; one that names nobody stands alone.
Shapes: n payments.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paywarden.lab.tables import PaymentTable

PATHS = ("payer.id", "card.fingerprint", "email.canonical", "device.id")


def customers_of(table: PaymentTable) -> npt.NDArray[np.int64]:
    """A number per payment, equal for payments of one customer, dense from 0. [n]"""
    found = np.full(len(table), -1, np.int64)
    first = 0
    for path in PATHS:
        column = table.columns.get(path)
        if column is None:
            continue
        open_rows = (found < 0) & (column.data >= 0)
        found[open_rows] = column.data[open_rows] + first
        first += len(column.dictionary)
    alone = found < 0
    found[alone] = first + np.arange(int(alone.sum()))
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def values_of(
    table: PaymentTable, base: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], str]:
    """Amounts in the file's one currency, else in the policy's base currency."""
    codes = table.columns.get("payment.currency")
    one = codes is not None and len(codes.dictionary) == 1
    currency = codes.dictionary[0] if one and codes is not None else base
    found = table.columns.get("payment.amount_minor" if one else "payment.amount_base_minor")
    if found is None:
        return np.zeros(len(table), np.int64), np.zeros(len(table), np.bool_), currency
    return found.data.astype(np.int64), found.present(), currency
