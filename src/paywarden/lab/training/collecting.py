"""Rows of a training set, collected block by block while the windows run.

Guards: inputs are computed over columns by the code that a test compares with the live path bit by
bit (`risk.scoring.inputs`). Only rows that are wanted are kept. Shapes: n payments, m kept rows,
k inputs. Not done here: windows (`risk.features`), which rows (`developing.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paywarden.lab.firing import feature_columns
from paywarden.lab.tables import PaymentTable
from paywarden.risk.features.batch import FeatureColumns
from paywarden.risk.scoring.inputs import Floats, InputColumns
from paywarden.risk.scoring.recipe import Input

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Dataset:
    """Inputs and outcomes. `matrix`: float32 [m, k]; `rows`: payment of each row, [m], ascending.

    `dictionaries`: texts by code, per input that is a text (codes stand in the matrix).
    `outcomes`: of every payment, [n]: of a file what the rules alone come to, of a log what was
    decided.
    """

    inputs: tuple[Input, ...]
    matrix: Floats
    rows: npt.NDArray[np.int64]
    dictionaries: Mapping[str, tuple[str, ...]]
    outcomes: npt.NDArray[np.int8]
    delay_us: int


class Collecting:
    """Keeps the inputs of the wanted payments, block by block."""

    def __init__(self, columns: InputColumns, table: PaymentTable, keep: Bools) -> None:
        self._columns = columns
        self._table = table
        self._keep = keep
        self.rows = np.flatnonzero(keep)
        self.matrix = np.empty((len(self.rows), len(columns.inputs)), np.float32)
        self.dictionaries: dict[str, tuple[str, ...]] = {
            one.input.name: table.columns[one.paths[0]].dictionary
            for one in columns.inputs
            if one.kind == "string" and one.paths[0] in table.columns
        }

    def take(self, start: int, features: FeatureColumns) -> None:
        """Windows of the payments from `start` on."""
        stop = start + len(features.rows)
        wanted = self._keep[start:stop]
        if not wanted.any():
            return
        columns = self._table.part(start, stop, self._columns.paths)
        columns.update(feature_columns(features))
        block = self._columns.matrix(columns, stop - start)
        first = int(np.searchsorted(self.rows, start))
        self.matrix[first : first + int(wanted.sum())] = block[wanted]

    def dataset(self, outcomes: npt.NDArray[np.int8], delay_us: int) -> Dataset:
        """What was collected."""
        inputs = tuple(one.input for one in self._columns.inputs)
        return Dataset(inputs, self.matrix, self.rows, self.dictionaries, outcomes, delay_us)
