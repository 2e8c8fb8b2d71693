"""Many observations as columns, for batch replay, back-tests and segment files.

Guards: the same content as a list of `Observation`, in numpy arrays, so that filters and the window
store run over millions of events without a Python object each. Texts are ids into one table.
Shapes: n observations; `keys` is [n, KEY_COUNT] uint64; `values[f]` is a column of length n for
OBSERVED[f]: int64, float64, bool, int32 (symbol id, -1 absent) or uint64 (hash, 0 absent);
`valid[f]` says where a value is present (None for symbols and hashes, which say it themselves).
Not done here: reading files (`segments.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from paywarden.core.errors import InvalidRequest
from paywarden.risk.features.catalogue import OBSERVED, Storage
from paywarden.risk.features.observation import (
    KEY_COUNT,
    VALUE_COUNT,
    Observation,
    ObservedValue,
)

Column: TypeAlias = npt.NDArray[Any]

DTYPES: dict[Storage, npt.DTypeLike] = {
    "int": np.int64,
    "double": np.float64,
    "bool": np.bool_,
    "symbol": np.int32,
    "hash": np.uint64,
}
_STORAGES: tuple[Storage, ...] = tuple(f.storage for f in OBSERVED if f.storage is not None)
_FILL: dict[Storage, int | float | bool] = {
    "int": 0,
    "double": 0.0,
    "bool": False,
    "symbol": -1,
    "hash": 0,
}


@dataclass(frozen=True, slots=True)
class ObservationColumns:
    """Columns of n observations in journal order (shapes: see the module)."""

    seq: npt.NDArray[np.int64]
    t_us: npt.NDArray[np.int64]
    s_us: npt.NDArray[np.int64]
    identity: npt.NDArray[np.uint64]
    retracts: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    values: tuple[Column, ...]
    valid: tuple[npt.NDArray[np.bool_] | None, ...]
    symbols: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.seq)

    def present(self, field: int) -> npt.NDArray[np.bool_]:
        """Where OBSERVED[field] has a value, shape [n]."""
        mask = self.valid[field]
        if mask is not None:
            return mask
        column = self.values[field]
        return np.asarray(column >= 0 if _STORAGES[field] == "symbol" else column != 0)

    def slice(self, start: int, stop: int) -> ObservationColumns:
        """Rows start to stop (views, no copy)."""
        return ObservationColumns(
            self.seq[start:stop],
            self.t_us[start:stop],
            self.s_us[start:stop],
            self.identity[start:stop],
            self.retracts[start:stop],
            self.keys[start:stop],
            tuple(column[start:stop] for column in self.values),
            tuple(None if mask is None else mask[start:stop] for mask in self.valid),
            self.symbols,
        )

    def to_observations(self) -> list[Observation]:
        """The same content as observations; inverse of `from_observations`."""
        keys = self.keys.tolist()
        fields = zip(*(self._plain(f) for f in range(VALUE_COUNT)), strict=True)
        heads = zip(
            self.seq.tolist(),
            self.t_us.tolist(),
            self.s_us.tolist(),
            self.identity.tolist(),
            self.retracts.tolist(),
            strict=True,
        )
        return [
            Observation(seq, t, s, tuple(key), values, identity, retracts)
            for (seq, t, s, identity, retracts), key, values in zip(
                heads, keys, fields, strict=True
            )
        ]

    def _plain(self, field: int) -> list[ObservedValue]:
        items: list[ObservedValue] = self.values[field].tolist()
        if _STORAGES[field] == "symbol":
            table = (*self.symbols, None)
            return [table[item] for item in items]  # type: ignore[index]
        mask = self.valid[field]
        if mask is None:
            return items
        return [item if ok else None for item, ok in zip(items, mask.tolist(), strict=True)]


def from_observations(observations: Sequence[Observation]) -> ObservationColumns:
    """Columns of the observations, in the order given. Raises InvalidRequest on bad shapes."""
    count = len(observations)
    if any(len(o.keys) != KEY_COUNT or len(o.values) != VALUE_COUNT for o in observations):
        raise InvalidRequest("observation_shape", "an observation has a wrong number of fields")
    symbols: dict[str, int] = {}
    values: list[Column] = []
    valid: list[npt.NDArray[np.bool_] | None] = []
    try:
        for field, storage in enumerate(_STORAGES):
            column, mask = _column([o.values[field] for o in observations], storage, symbols)
            values.append(column)
            valid.append(mask)
        return ObservationColumns(
            np.array([o.seq for o in observations], np.int64),
            np.array([o.t_us for o in observations], np.int64),
            np.array([o.s_us for o in observations], np.int64),
            np.array([o.identity for o in observations], np.uint64),
            np.array([o.retracts for o in observations], np.int64),
            np.array([o.keys for o in observations], np.uint64).reshape(count, KEY_COUNT),
            tuple(values),
            tuple(valid),
            tuple(symbols),
        )
    except (OverflowError, ValueError, TypeError) as error:
        raise InvalidRequest("observation_value", "a value does not fit its column") from error


def _column(
    items: list[ObservedValue], storage: Storage, symbols: dict[str, int]
) -> tuple[Column, npt.NDArray[np.bool_] | None]:
    if storage == "symbol":
        ids = [-1 if v is None else symbols.setdefault(str(v), len(symbols)) for v in items]
        return np.array(ids, np.int32), None
    filled = [_FILL[storage] if item is None else item for item in items]
    column = np.array(filled, DTYPES[storage])
    if storage == "hash":
        return column, None
    return column, np.array([item is not None for item in items], np.bool_)


def concat(parts: Iterable[ObservationColumns]) -> ObservationColumns:
    """One after the other; symbol tables are merged."""
    listed = list(parts)
    if not listed:
        return from_observations(())
    table: dict[str, int] = {}
    moved = [_resymbol(part, table) for part in listed]
    return ObservationColumns(
        np.concatenate([part.seq for part in moved]),
        np.concatenate([part.t_us for part in moved]),
        np.concatenate([part.s_us for part in moved]),
        np.concatenate([part.identity for part in moved]),
        np.concatenate([part.retracts for part in moved]),
        np.concatenate([part.keys for part in moved]),
        tuple(np.concatenate(columns) for columns in zip(*(p.values for p in moved), strict=True)),
        tuple(_join(masks) for masks in zip(*(part.valid for part in moved), strict=True)),
        tuple(table),
    )


def _join(masks: Sequence[npt.NDArray[np.bool_] | None]) -> npt.NDArray[np.bool_] | None:
    present = [mask for mask in masks if mask is not None]
    return np.concatenate(present) if present else None


def _resymbol(part: ObservationColumns, table: dict[str, int]) -> ObservationColumns:
    ids = [table.setdefault(text, len(table)) for text in part.symbols]
    mapping = np.array([*ids, -1], np.int32)
    values = tuple(
        mapping[column] if storage == "symbol" else column
        for column, storage in zip(part.values, _STORAGES, strict=True)
    )
    return ObservationColumns(
        part.seq,
        part.t_us,
        part.s_us,
        part.identity,
        part.retracts,
        part.keys,
        values,
        part.valid,
        tuple(table),
    )
