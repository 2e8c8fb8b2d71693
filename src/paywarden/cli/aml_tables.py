"""`paywarden aml`: typologies over one's own tables, worlds to try them on, and how they fare.

    paywarden aml world --seed 1 --out world
    paywarden aml batch world/transfers.parquet --out alerts.jsonl
    paywarden aml evaluate world/transfers.parquet --train other/transfers.parquet --out report

Guards: standard output carries the answer, progress goes to standard error. The query library is
loaded only by the commands that ask it; without the extra `analysis` they say how to get it.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from paywarden.cli import output
from paywarden.cli.evaluate import stages
from paywarden.cli.mapped_file import positive
from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.core.instants import DAY_US
from paywarden.kit.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from paywarden.risk.features.model import Aggregate
    from paywarden.risk.rules.cel.types import CelType
    from paywarden.risk.rules.macros import WindowMacros
    from paywarden.risk.rules.typology_model import Typology

MOST_SHOWN: Final = 20


PARTS: Final = ("world", "batch", "evaluate")


def add_parts(parts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Arguments of the parts of `aml` that read tables."""

    def part(name: str, text: str) -> argparse.ArgumentParser:
        made = parts.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="one JSON document")
        return made

    _world_arguments(part("world", "make a world of transfers with laundering and look-alikes"))
    batch = part("batch", "typologies over a table of transfers or payments")
    batch.add_argument(
        "file", type=Path, nargs="?", metavar="FILE", help="CSV, Parquet, JSON lines"
    )
    _shared(batch)
    batch.add_argument("--out", type=Path, metavar="FILE", help="alerts as .jsonl or .parquet")
    batch.add_argument("--payments", action="store_true",
                       help="payments, read through --map as `decide` reads them")  # fmt: skip
    batch.add_argument("--connect", metavar="URL", help="an Ibis address, such as duckdb://file.db")
    batch.add_argument("--table", metavar="NAME", help="table of that connection")
    judged = part("evaluate", "who is found laundering at a budget of alerts, beside other ways")
    judged.add_argument("files", type=Path, nargs="+", metavar="FILE")
    _shared(judged)
    judged.add_argument("--train", type=Path, nargs="+", default=[], metavar="FILE",
                        help="worlds that the rival model learns on")  # fmt: skip
    judged.add_argument("--train-map", type=Path, metavar="MAP.toml")
    judged.add_argument("--budget", type=float, default=0.05, help="share of accounts alerted")
    judged.add_argument("--seed", type=int, default=7, help="of the bootstrap")
    judged.add_argument("--out", type=Path, metavar="DIR", help="accounts.json, accounts.html")


def _shared(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--map", dest="mapping", type=Path, metavar="MAP.toml",
                        help="which columns are what; default: those of the contract")  # fmt: skip
    parser.add_argument("--typologies", type=Path, metavar="DIR", help="default: those shipped")
    parser.add_argument("--threads", type=positive, default=2, help="of the query engine")


def _world_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--accounts", type=positive, default=2_400)
    parser.add_argument("--days", type=positive, default=112)
    parser.add_argument("--alerts", type=positive, default=3, help="schemes of each kind")
    parser.add_argument("--innocents", type=int, default=20, help="look-alikes for each scheme")
    parser.add_argument("--daily", action="store_true", help="times are whole days")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")


def run(arguments: argparse.Namespace) -> int:
    """Do one part. Errors: PaywardenError, for the caller to tell."""
    return {"world": _world, "batch": _batch, "evaluate": _evaluate}[arguments.part](arguments)


def _world(arguments: argparse.Namespace) -> int:
    from paywarden.simulator.transfers.model import WorldSettings
    from paywarden.simulator.transfers.writing import write

    settings = WorldSettings(
        seed=arguments.seed,
        accounts=arguments.accounts,
        days=arguments.days,
        alerts=arguments.alerts,
        innocents=arguments.innocents,
        grain_us=DAY_US if arguments.daily else 1_000_000,
    )
    try:
        counts = write(settings, arguments.out)
    except ValueError as error:
        raise InvalidRequest("world_settings", str(error)) from error
    words = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in counts.items())
    output.answer(arguments, counts, f"{arguments.out}: {words}")
    return output.DONE


# --- batch ----------------------------------------------------------------------------------------


def _batch(arguments: argparse.Namespace) -> int:
    _need_ibis()
    from paywarden.cli.aml_batch import alerts_document, connected, write_alerts

    started = time.monotonic()
    typologies, windows = _typologies(arguments.typologies)
    kind = "payment" if arguments.payments else "log"
    typologies = [one for one in typologies if one.runs == kind]
    result = connected(arguments, typologies, windows, stages(SystemClock()))
    if arguments.out is not None:
        write_alerts(arguments.out, result.alerts)
    document = {
        **alerts_document(result, typologies, MOST_SHOWN),
        "seconds": round(time.monotonic() - started, 2),
    }
    output.answer(arguments, document, _batch_words(document))
    return output.DONE


def _batch_words(document: dict[str, Any]) -> str:
    lines = [
        f"{document['rows']:,} rows, "
        f"{document['alerts']:,} alerts about {document['alerted_accounts']:,} accounts "
        f"in {document['seconds']} s"
    ]
    lines += [
        f"  {row['typology']:32} {row['alerts']:6,} alerts  {row['accounts']:6,} accounts"
        for row in document["typologies"]
    ]
    lines += [f"not run: {row['typology']}: {row['reason']}" for row in document["not_run"]]
    return "\n".join(lines)


# --- evaluate -------------------------------------------------------------------------------------


def _evaluate(arguments: argparse.Namespace) -> int:
    _need_ibis()
    from paywarden.cli.aml_batch import found_by
    from paywarden.lab.accounts.evaluating import WorldFile, evaluate_accounts
    from paywarden.lab.accounts.mapping import read_map
    from paywarden.lab.accounts.report import html_of, words_of
    from paywarden.lab.results import write_text

    if not 0.0 < arguments.budget < 1.0:
        raise InvalidRequest("evaluation_budget", "a budget is a share between 0 and 1")
    typologies = [one for one in _typologies(arguments.typologies)[0] if one.runs == "log"]
    mapping, taught = read_map(arguments.mapping), read_map(arguments.train_map)
    document = evaluate_accounts(
        [WorldFile(path, mapping) for path in arguments.files],
        [WorldFile(path, taught) for path in arguments.train],
        typologies,
        found_by(typologies, arguments.threads),
        budget=arguments.budget,
        seed=arguments.seed,
        progress=stages(SystemClock()),
    )
    if arguments.out is not None:
        pretty = msgspec.json.format(msgspec.json.encode(document), indent=1).decode()
        write_text(arguments.out / "accounts.json", pretty + "\n")
        write_text(arguments.out / "accounts.html", html_of(document))
    output.answer(arguments, document, words_of(document))
    return output.DONE


def _typologies(folder: Path | None) -> tuple[Sequence[Typology], tuple[Aggregate, ...]]:
    """Typologies of a folder, and the windows that those of payments ask for."""
    from paywarden.aml.monitoring.typology_reader import (
        LISTS,
        files_in,
        read_typologies,
        shipped_files,
    )
    from paywarden.risk.rules.scope import condition_types

    asked: list[Aggregate] = []

    def types(macros: WindowMacros) -> Mapping[str, CelType]:
        asked.extend(macros.made)
        return condition_types(macros.made, LISTS)

    files = shipped_files() if folder is None else files_in(folder)
    return read_typologies(files, payment_types=types).checked(), tuple(asked)


def _need_ibis() -> None:
    if importlib.util.find_spec("ibis") is None:
        detail = "this needs the query library: pip install 'paywarden[analysis]'"
        raise Unavailable("analysis_missing", detail)
