"""Rows: a table of integer columns, the form in which the simulator thinks.

Every column is an int64 array; -1 means absent. Things (cards, devices, merchants ...) are indices
into pools, words are members of the enumerations in `words`, instants are microseconds since 1970
UTC, amounts are minor units. Text appears only in `frames`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PAYMENT_COLUMNS = (
    "time",  # instant in microseconds
    "number",  # names the payment; two attempts share it
    "attempt",
    "type",
    "channel",
    "entry",
    "initiator",
    "amount",  # minor units of `currency`
    "currency",
    "merchant",
    "terminal",
    "party",  # the payer as the merchant sees him
    "guest",  # 1: checkout without an account
    "payee",
    "card",
    "device",
    "ip",
    "avs",
    "cvv",
    "three_ds",
    "billing",
    "shipping",
    "basket",
    "promo",  # reduction that the shop granted
    "status",
    "code",
    "campaign",
    "fraud",
    "account",  # the payer's own account, where the payment leaves one
    "payee_text",  # a name written otherwise than the payee's own
    "remittance",  # text beside the payment
    "laundering",  # 1: part of a way of laundering; 0: of an innocent look-alike
)
EVENT_COLUMNS = (
    "time",
    "number",
    "kind",
    "payment",  # row of the payment that it speaks of
    "status",
    "code",
    "verdict",
    "source",
    "reason",
    "result",
    "party",
    "device",
    "ip",
    "payee",
    "campaign",
)


class Rows:
    """A table of equally long int64 columns, changed only by assigning whole columns."""

    __slots__ = ("columns",)

    def __init__(self, columns: dict[str, Ints]) -> None:
        if len({len(column) for column in columns.values()}) > 1:
            raise ValueError("columns differ in length")
        self.columns = columns

    @classmethod
    def blank(cls, names: Iterable[str], count: int, **values: ArrayLike) -> Rows:
        """`count` rows of absent values (-1), then `values` (scalars or arrays) put in."""
        rows = cls({name: np.full(count, -1, dtype=np.int64) for name in names})
        for name, value in values.items():
            rows[name] = value
        return rows

    @classmethod
    def concat(cls, tables: Sequence[Rows]) -> Rows:
        """The tables one below the other; all have the same columns."""
        return cls({n: np.concatenate([t[n] for t in tables]) for n in tables[0].columns})

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, name: str) -> Ints:
        return self.columns[name]

    def __setitem__(self, name: str, value: ArrayLike) -> None:
        if name not in self.columns:
            raise KeyError(name)
        self.columns[name][:] = value

    def take(self, index: NDArray[Any]) -> Rows:
        """The rows at these positions, or where a mask holds; always a copy."""
        return Rows({name: column[index] for name, column in self.columns.items()})
