"""Columns of truth: which attack a fraud belongs to. Read for judging only, never as an input.

Guards: truth comes from columns that are named on the command line, of the payments file itself or
of a file of its own that is joined by the payment's identifier; the mapping cannot name them and no
input can read them. Shapes: n payments in order of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.lab.conversion import texts
from paywarden.lab.files import open_file
from paywarden.lab.training.dataset import Material

IDENTIFIER = "id"


@dataclass(frozen=True, slots=True)
class Truth:
    """Attack type and campaign of each payment, "" where there is none, [n]; None: not given."""

    types: npt.NDArray[np.str_] | None
    campaigns: npt.NDArray[np.str_] | None


def read_truth(
    material: Material,
    file: Path,
    truth: Path | None,
    attack_type: str | None,
    campaign: str | None,
) -> Truth:
    """Read the named columns. Errors: InvalidRequest `truth_column`, and those of files."""
    if attack_type is None and campaign is None:
        return Truth(None, None)
    opened = open_file(truth or file, material.mapping.separator)
    wanted = [name for name in (attack_type, campaign) if name is not None]
    names = [*wanted, *([IDENTIFIER] if truth else [])]
    missing = [name for name in names if name not in opened.columns]
    if missing:
        detail = f"the file has no column `{missing[0]}`"
        raise InvalidRequest("truth_column", detail, pointer=(truth or file).name)
    frame = opened.read(list(dict.fromkeys(names)), None)
    found = {name: _words(frame[name]) for name in wanted}
    place = _joined(material, frame) if truth else material.prepared.table.rows

    def of(name: str | None) -> npt.NDArray[np.str_] | None:
        if name is None:
            return None
        return np.array([*found[name], ""])[place]

    return Truth(of(attack_type), of(campaign))


def _words(series: pl.Series) -> list[str]:
    return texts(series, lambda _row: series.name).fill_null("").to_list()


def _joined(material: Material, frame: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Row of truth of each payment; one past the end where there is none."""
    places = {text: row for row, text in enumerate(_words(frame[IDENTIFIER]))}
    ids = material.prepared.ids.to_list()
    return np.array([places.get(text, len(frame)) for text in ids], np.int64)
