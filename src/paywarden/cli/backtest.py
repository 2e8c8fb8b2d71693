"""`paywarden backtest FILE --map MAP.toml`: what a policy would have done on history.

Guards: standard output carries the answer and nothing else; progress with an estimate goes to
standard error. Without FILE the recorded decisions of this home are the history.
Not done here: running (`paywarden.lab.backtest`), opening a home (`entrypoints.backtest`).
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable
from pathlib import Path

from paywarden.cli import output
from paywarden.cli.decide import progress_lines
from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import parse_rfc3339
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.kit.clock import SystemClock
from paywarden.lab.backtest.file_backtest import backtest_file
from paywarden.lab.backtest.file_material import FileSource
from paywarden.lab.backtest.html import write_report
from paywarden.lab.backtest.result import BacktestResult, Costs, Options
from paywarden.lab.backtest.running import Surroundings
from paywarden.lab.backtest.text import words_of
from paywarden.lab.backtest.work_folder import default_folder
from paywarden.lab.mapping_file import delay_of

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `backtest`."""
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a file of payments")
    parser.add_argument("--map", type=Path, metavar="MAP.toml", dest="mapping")
    parser.add_argument(
        "--policy", metavar="DIR", help="folder or ruleset (default: starter, or live)"
    )
    parser.add_argument("--against", metavar="DIR", help="what to compare with; `live` for the log")
    parser.add_argument("--label-delay", metavar="7d", help="of a file: instead of the mapping's")
    parser.add_argument("--from", dest="from_time", metavar="DATE", help="report from here (UTC)")
    parser.add_argument("--to", dest="to_time", metavar="DATE", help="report to before here")
    parser.add_argument("--report", type=Path, metavar="DIR", help="write report.html, report.json")
    parser.add_argument("--environment", choices=("test", "live"), default="live")
    parser.add_argument("--to-seq", type=int, metavar="SEQ", help="of the log: nothing later")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where finished work is kept")
    parser.add_argument("--no-work", action="store_true", help="keep no finished work")
    parser.add_argument("--processes", type=int, default=2, metavar="N")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N payments of FILE")
    parser.add_argument("--analysts", type=int, default=1, metavar="N", help="who look at alerts")
    parser.add_argument(
        "--samples", type=int, default=10, metavar="N", help="payments of each kind"
    )
    parser.add_argument("--replicates", type=int, default=200, metavar="N", help="of the bootstrap")
    parser.add_argument("--seed", type=int, default=7)
    for name, kind in Costs.__annotations__.items():
        number = int if kind == "int" else float
        given = getattr(Costs(), name)
        parser.add_argument(
            f"--cost-{name.replace('_', '-')}", type=number, default=given, metavar=str(given)
        )


def run(arguments: argparse.Namespace, clock: Clock | None = None) -> int:
    """Back-test a file and print what came out. Errors: PaywardenError, for the caller to tell."""
    if arguments.file is None or arguments.mapping is None:
        detail = "a file needs --map MAP.toml; without a file the log of this home is read"
        raise InvalidRequest("mapping_missing", detail)
    source = FileSource(
        arguments.file,
        arguments.mapping,
        None if arguments.label_delay is None else delay_of(arguments.label_delay),
        arguments.limit,
    )
    policy = Path(arguments.policy) if arguments.policy else policy_folder()
    against = Path(arguments.against) if arguments.against else None
    around = surroundings_of(arguments, clock or SystemClock())
    result = backtest_file(source, policy, against, options_of(arguments), around)
    return show(arguments, result)


def options_of(arguments: argparse.Namespace) -> Options:
    """Options of the command line. Errors: InvalidRequest."""
    costs = {name: getattr(arguments, f"cost_{name}") for name in Costs.__annotations__}
    return Options(
        from_us=_instant(arguments.from_time, "--from"),
        to_us=_instant(arguments.to_time, "--to"),
        analysts=arguments.analysts,
        costs=Costs(**costs),
        replicates=arguments.replicates,
        seed=arguments.seed,
        samples=arguments.samples,
    )


def surroundings_of(arguments: argparse.Namespace, clock: Clock) -> Surroundings:
    """Clock, progress, work folder and processes of the command line."""
    work = None if arguments.no_work else arguments.work or default_folder(os.environ)
    return Surroundings(clock, stage_progress(clock), work, arguments.processes)


def stage_progress(clock: Clock) -> Callable[[str, int, int], None]:
    """Progress lines, begun anew with every stage."""
    lines: dict[str, Callable[[int, int], None]] = {}

    def progress(stage: str, done: int, total: int) -> None:
        if stage not in lines:
            lines.clear()
            lines[stage] = progress_lines(clock, stage=stage)
        lines[stage](done, total)

    return progress


def show(arguments: argparse.Namespace, result: BacktestResult) -> int:
    """Print the answer; write the report where asked. 1 when parity fails."""
    told = ""
    if arguments.report is not None:
        page, _document = write_report(arguments.report, result)
        told = f"report: {page}\n"
    output.answer(arguments, result.document(), words_of(result) + told)
    parity = result.parity
    if parity is not None and parity.differing:
        return output.NOT_SO
    return output.DONE


def _instant(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    try:
        return parse_rfc3339(f"{text}T00:00:00Z" if _DATE.match(text) else text)
    except ValueError as error:
        detail = "is a date as YYYY-MM-DD or an RFC 3339 time"
        raise InvalidRequest("time_value", detail, pointer=name) from error
