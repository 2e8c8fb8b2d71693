"""What `paywarden aml batch` and `evaluate` do with the query library; loaded only by them."""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import ibis
import msgspec
import polars as pl

from paywarden.aml.monitoring.batch.payments import run_payments
from paywarden.aml.monitoring.batch.reasons import Raised
from paywarden.aml.monitoring.batch.results import BatchResult
from paywarden.aml.monitoring.batch.running import Progress, run_batch
from paywarden.cli.mapped_file import KEY_OCTETS
from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.core.instants import format_rfc3339
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemRandomness
from paywarden.lab.accounts.mapping import read_map
from paywarden.lab.accounts.reading import read_transfers
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.derived import derive_columns
from paywarden.lab.files import open_file
from paywarden.lab.mapping_file import read_mapping
from paywarden.lab.prepared import rates_of
from paywarden.lab.sources import read_given
from paywarden.risk.enrichment.enricher import Enricher
from paywarden.risk.enrichment.tables import EnrichmentTables
from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.typology_model import Typology

ENDINGS = (".jsonl", ".parquet")


def connected(
    arguments: argparse.Namespace,
    typologies: Sequence[Typology],
    windows: Sequence[Aggregate],
    progress: Progress,
) -> BatchResult:
    """Run over the file, or over the table of a connection."""
    if arguments.out is not None and not arguments.out.name.endswith(ENDINGS):
        detail = f"the name has to end in one of {', '.join(ENDINGS)}"
        raise InvalidRequest("out_kind", detail, pointer=arguments.out.name)
    if (arguments.file is None) == (arguments.connect is None):
        raise InvalidRequest("batch_input", "name a file, or --connect with --table")
    lists = named_lists()
    if arguments.connect is None:
        connection = ibis.duckdb.connect(threads=arguments.threads)
        table = ibis.memtable(_rows(arguments))
    else:
        connection = _connection(arguments.connect)
        if arguments.table not in connection.list_tables():
            detail = f"the connection has no table `{arguments.table}`; name one with --table"
            raise InvalidRequest("batch_table", detail)
        table = connection.table(arguments.table)
    if arguments.payments:
        return run_payments(typologies, windows, table, connection, lists, progress)
    return run_batch(typologies, table, connection, lists, progress)


def _rows(arguments: argparse.Namespace) -> pl.DataFrame:
    """The rows of the file in columns of the contract, or of the catalogue."""
    if not arguments.payments:
        return read_transfers(arguments.file, read_map(arguments.mapping))
    if arguments.mapping is None:
        raise InvalidRequest("batch_input", "payments need --map, as `decide` does")
    mapping = read_mapping(arguments.mapping)
    key = Secret(SystemRandomness().octets(KEY_OCTETS))
    given = read_given(mapping, open_file(arguments.file, mapping.separator), None, CardScreen(key))
    base = "EUR" if mapping.rates is None else mapping.rates.base
    enricher = Enricher(EnrichmentTables(rates_of(mapping.rates, base)))
    fields, _ = derive_columns(enricher, given.fields, given.time_us)
    return fields.with_columns(at_us=pl.Series(given.time_us)).with_row_index("sequence", 1)


def named_lists() -> dict[str, tuple[str, ...]]:
    """Members of the lists that come with the typologies, by path."""
    folder = resources.files("paywarden.aml") / "lists"
    return {
        f"lists.{entry.name.removesuffix('.csv')}": tuple(
            row["value"] for row in csv.DictReader(_without_remarks(entry.read_text("utf-8")))
        )
        for entry in folder.iterdir()
        if entry.name.endswith(".csv")
    }


def _without_remarks(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


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
        "rows": result.transfers,
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
