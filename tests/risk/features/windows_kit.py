"""Hand-made filters and observations for the tests of the window store."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from paywarden.risk.features.catalogue import KEY_KINDS, OBSERVED, OBSERVED_INDEX
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.model import Aggregate
from paywarden.risk.features.observation import KEY_COUNT, Observation

SECOND = 1_000_000
DAY = 86_400 * SECOND
T0 = 1_700_000_000_000_000
AMOUNT = "payment.amount_minor"
CURRENCY = "payment.currency"
MERCHANT = "merchant.id"


class Equal:
    """`path == value` for a symbol or an int."""

    def __init__(self, path: str, value: str | int) -> None:
        self._field = OBSERVED_INDEX[path]
        self._value = value

    def test(self, observation: Observation) -> bool:
        return bool(observation.values[self._field] == self._value)

    def columns(self, columns: ObservationColumns) -> Any:
        value: Any = self._value
        if isinstance(value, str):
            value = columns.symbols.index(value) if value in columns.symbols else -2
        return columns.present(self._field) & (columns.values[self._field] == value)


FILTERS: Mapping[str, Equal] = {
    "is payment": Equal("event.kind", "payment"),
    "is fraud": Equal("event.verdict", "fraud"),
    "is five": Equal(AMOUNT, 5),
}

OF: Mapping[str, Sequence[str | None]] = {
    "count": [None],
    "sum": [AMOUNT],
    "avg": [AMOUNT],
    "min": [AMOUNT],
    "max": [AMOUNT],
    "stddev": [AMOUNT],
    "distinct": [MERCHANT, CURRENCY, AMOUNT, "payment.late"],
    "first": [AMOUNT, CURRENCY],
    "last": [AMOUNT, CURRENCY],
    "since_first": [None],
    "since_last": [None],
}


def aggregate(
    function: str,
    by: Sequence[str] = ("card",),
    window: int | None = DAY,
    *,
    of: str | None = None,
    daily: bool = False,
    where: str | None = None,
    exclude: bool = False,
) -> Aggregate:
    name = f"{function} {of} {','.join(by)} {window} {daily} {where} {exclude}"
    return Aggregate(name, function, of, tuple(by), window, daily, where, exclude)


def one_of_each(**options: Any) -> list[Aggregate]:
    return [aggregate(f, of=of, **options) for f, every in OF.items() for of in every]


def observation(
    seq: int,
    t_us: int,
    *,
    s_us: int | None = None,
    keys: Mapping[str, int] | None = None,
    retracts: int = 0,
    **values: Any,
) -> Observation:
    """Values by path with dots as double underscores; keys default to card 1."""
    row: list[Any] = [0 if field.storage == "hash" else None for field in OBSERVED]
    for name, value in values.items():
        row[OBSERVED_INDEX[name.replace("__", ".")]] = value
    return Observation(
        seq, t_us, t_us if s_us is None else s_us, key_row(keys), tuple(row), 0, retracts
    )


def key_row(keys: Mapping[str, int] | None = None) -> tuple[int, ...]:
    row = [0] * KEY_COUNT
    for kind, value in ({"card": 1} if keys is None else keys).items():
        row[KEY_KINDS.index(kind)] = value
    return tuple(row)


def payment(seq: int, t_us: int, amount: int | None = 1, **more: Any) -> Observation:
    return observation(seq, t_us, event__kind="payment", payment__amount_minor=amount, **more)


def stream(
    count: int,
    rnd: random.Random,
    *,
    steps: Sequence[int] = (0, 0, 1, SECOND, SECOND, 3 * SECOND, 60 * SECOND),
    lateness: Sequence[int] = (0, 0, 0, 1, SECOND, 900 * SECOND),
    keys: int = 3,
    merchants: int = 5,
    jump: int = 0,
) -> list[Observation]:
    """A random log with ties, late events, absent values, int64 extremes, labels, withdrawals."""
    found: list[Observation] = []
    labels: list[int] = []
    t_us = T0
    for seq in range(1, count + 1):
        t_us += jump if jump and rnd.random() < 0.01 else rnd.choice(steps)
        kind = rnd.choice(["payment"] * 8 + ["label"])
        withdrawn = rnd.choice(labels) if labels and rnd.random() < 0.04 else 0
        found.append(
            observation(
                seq,
                t_us,
                s_us=t_us - rnd.choice(lateness),
                keys={
                    name: rnd.choice([0] + [rnd.randrange(1, keys + 1)] * 12)
                    for name in ("card", "merchant", "device", "ip")
                },
                retracts=withdrawn,
                event__kind=kind,
                event__verdict="fraud" if kind == "label" else None,
                payment__amount_minor=rnd.choice(
                    [None, 5, -3, 2**63 - 1, -(2**63), rnd.randrange(100), rnd.randrange(2**62)]
                ),
                payment__currency=rnd.choice([None, "EUR", "USD"]),
                payment__late=rnd.choice([None, True, False]),
                merchant__id=rnd.choice([0, 2**64 - 1, rnd.randrange(1, merchants + 1)]),
            )
        )
        if kind == "label":
            labels.append(seq)
    return found


def wanted(columns: ObservationColumns, every: int = 1) -> Any:
    mask = np.zeros(len(columns), np.bool_)
    mask[::every] = True
    return mask
