"""What `paywarden aml batch` and `evaluate` do with the query library; loaded only by them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ibis
import msgspec
import polars as pl

from paywarden.aml.monitoring.batch.reasons import Raised
from paywarden.aml.monitoring.batch.running import BatchResult, Progress, run_batch
from paywarden.aml.monitoring.model import Typology
from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.core.instants import format_rfc3339
from paywarden.lab.accounts.mapping import read_map
from paywarden.lab.accounts.reading import read_transfers

ENDINGS = (".jsonl", ".parquet")


def connected(
    arguments: argparse.Namespace, typologies: Sequence[Typology], progress: Progress
) -> BatchResult:
    """Run over the file, or over the table of a connection."""
    if arguments.out is not None and not arguments.out.name.endswith(ENDINGS):
        detail = f"the name has to end in one of {', '.join(ENDINGS)}"
        raise InvalidRequest("out_kind", detail, pointer=arguments.out.name)
    if (arguments.file is None) == (arguments.connect is None):
        raise InvalidRequest("batch_input", "name a file, or --connect with --table")
    if arguments.connect is None:
        transfers = read_transfers(arguments.file, read_map(arguments.mapping))
        connection = ibis.duckdb.connect(threads=arguments.threads)
        return run_batch(typologies, ibis.memtable(transfers), connection, progress=progress)
    connection = _connection(arguments.connect)
    if arguments.table not in connection.list_tables():
        detail = f"the connection has no table `{arguments.table}`; name one with --table"
        raise InvalidRequest("batch_table", detail)
    return run_batch(typologies, connection.table(arguments.table), connection, progress=progress)


def _connection(address: str) -> Any:
    try:
        return ibis.connect(address)
    except ModuleNotFoundError as error:
        detail = f"the back end needs the package {error.name}"
        raise Unavailable("batch_connection", detail) from error
    except Exception as error:  # each back end has errors of its own
        detail = "the address names no back end that can be reached"
        raise Unavailable("batch_connection", detail) from error


def found_by(
    typologies: Sequence[Typology], threads: int
) -> Callable[[pl.DataFrame], tuple[pl.DataFrame, pl.DataFrame]]:
    """Alerts and peaks of transfers, for judging."""

    def found(transfers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        connection = ibis.duckdb.connect(threads=threads)
        result = run_batch(typologies, ibis.memtable(transfers), connection)
        return alerts_frame(result.alerts), result.peaks

    return found


def alerts_frame(alerts: Sequence[Raised]) -> pl.DataFrame:
    """typology, account, sequence, at_us, score, threshold; one row an alert."""
    names = {
        "typology": pl.String,
        "account": pl.String,
        "sequence": pl.Int64,
        "at_us": pl.Int64,
        "score": pl.Float64,
        "threshold": pl.Float64,
    }
    rows = [tuple(getattr(one, name) for name in names) for one in alerts]
    return pl.DataFrame(rows, schema=names, orient="row")


def alerts_document(
    result: BatchResult, typologies: Sequence[Typology], most: int
) -> dict[str, Any]:
    """How much was found, per typology, and the first alerts in full."""
    frame = alerts_frame(result.alerts)
    left = {row["typology"] for row in result.not_run}
    by_typology = [
        {
            "typology": one.id,
            "alerts": len(mine := frame.filter(pl.col("typology") == one.id)),
            "accounts": mine["account"].n_unique(),
        }
        for one in typologies
        if one.id not in left
    ]
    return {
        "transfers": result.transfers,
        "accounts": result.accounts,
        "alerts": len(frame),
        "alerted_accounts": frame["account"].n_unique(),
        "typologies": by_typology,
        "not_run": list(result.not_run),
        "first": [alert_row(one) for one in result.alerts[:most]],
    }


def alert_row(one: Raised) -> dict[str, Any]:
    """An alert with its explanation."""
    return {
        "id": one.alert().id,
        "typology": one.typology,
        "account": one.account,
        "sequence": one.sequence,
        "at": format_rfc3339(one.at_us),
        "score": one.score,
        "threshold": one.threshold,
        "reasons": [
            {"term": why.name, "weight": why.weight, "says": why.says} for why in one.reasons
        ],
    }


def write_alerts(path: Path, alerts: Sequence[Raised]) -> None:
    """All alerts into a file: JSON lines with explanation, or Parquet."""
    if not path.parent.is_dir():
        raise InvalidRequest("out_folder", "the folder does not exist", pointer=str(path.parent))
    if path.name.endswith(".parquet"):
        reasons = [[why.says for why in one.reasons] for one in alerts]
        column = pl.Series("reasons", reasons, dtype=pl.List(pl.String))
        alerts_frame(alerts).with_columns(column).write_parquet(path)
        return
    path.write_bytes(b"".join(msgspec.json.encode(alert_row(one)) + b"\n" for one in alerts))
