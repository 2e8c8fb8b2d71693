"""Results per row: `row, payment_id, outcome, points, reasons`, in order of the file.

Guards: the file appears whole or not at all; it holds identifiers, the outcome and neutral reasons,
never a field of a person. CSV joins reasons by `;`, Parquet and JSON lines hold lists.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from paywarden.core.errors import InvalidRequest
from paywarden.lab.verdicts import Verdict

ENDINGS = (".csv", ".csv.gz", ".parquet", ".jsonl")


def check_out(path: Path) -> None:
    """Refuse a result file that could not be written. Errors: InvalidRequest `out_*`."""
    if not path.name.lower().endswith(ENDINGS):
        detail = f"the name has to end in one of {', '.join(ENDINGS)}"
        raise InvalidRequest("out_kind", detail, pointer=path.name)
    if not path.parent.is_dir():
        raise InvalidRequest("out_folder", "the folder does not exist", pointer=str(path.parent))


def results_frame(
    ids: pl.Series, numbers: npt.NDArray[np.int32], cases: Sequence[Verdict]
) -> pl.DataFrame:
    """One row per payment; `numbers`: its verdict."""
    which = pl.Series(numbers)
    outcome = pl.Series([case.outcome.word for case in cases], dtype=pl.String)
    points = pl.Series([case.combined.points for case in cases], dtype=pl.Int64)
    reasons = pl.Series([list(case.combined.reasons) for case in cases], dtype=pl.List(pl.String))
    return pl.DataFrame(
        {
            "row": pl.int_range(1, len(ids) + 1, eager=True),
            "payment_id": ids,
            "outcome": outcome.gather(which),
            "points": points.gather(which),
            "reasons": reasons.gather(which),
        }
    )


def write_results(path: Path, frame: pl.DataFrame) -> None:
    """Write the frame in the kind that the name says. Errors: InvalidRequest `out_unwritable`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        _write(draft, path.name.lower(), frame)
        draft.replace(path)
    except OSError as error:
        raise InvalidRequest("out_unwritable", "cannot be written", pointer=str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all; makes its folder. Errors: `out_unwritable`."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise InvalidRequest("out_unwritable", "cannot be written", pointer=str(path)) from error
    finally:
        if draft.parent.is_dir():
            draft.unlink(missing_ok=True)


def _write(draft: Path, name: str, frame: pl.DataFrame) -> None:
    if name.endswith(".parquet"):
        frame.write_parquet(draft)
    elif name.endswith(".jsonl"):
        frame.write_ndjson(draft)
    else:
        joined = frame.with_columns(
            pl.when(pl.col("reasons").list.len() > 0).then(pl.col("reasons").list.join(";"))
        )
        if name.endswith(".gz"):
            with gzip.open(draft, "wb", compresslevel=6) as packed:
                packed.write(joined.write_csv().encode())
        else:
            joined.write_csv(draft)
