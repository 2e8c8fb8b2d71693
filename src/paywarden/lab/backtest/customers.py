"""Whose payment it is: what intervals are resampled by.

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
