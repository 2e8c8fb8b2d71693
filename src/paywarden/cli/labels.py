"""`paywarden labels import FILE --map MAP.toml`: chargebacks and notices to a running server.

Guards: the whole file is read and checked before the first label is sent; labels go through
`POST /v1/events` like everybody else's, so precedence, windows and the rate of labels are the
server's. Ids are the file's or made of the row, so the same file again counts nothing: sent again
after a break it goes on where it was (`--from-row` spares the way there). What the server refuses
is named with the row. Exit code 1 when rows were refused.
Not done here: history from before this installation (`paywarden import`).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from paywarden.cli import output, server
from paywarden.cli.decide import progress_lines
from paywarden.core.clock import Clock
from paywarden.core.errors import PaywardenError
from paywarden.core.instants import format_rfc3339
from paywarden.kit.clock import SystemClock
from paywarden.lab.event_files import COLUMNS, EventRows, read_events, rows_of
from paywarden.lab.event_map import LABEL, read_event_map

BATCH = 500
SHOWN = 20
_WIRE = {name: name.removeprefix("event.") for name in COLUMNS}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Sub-commands of `labels`."""
    parts = parser.add_subparsers(dest="labels_command", required=True, metavar="COMMAND")
    taking = parts.add_parser("import", help="send a file of chargebacks, notices or verdicts")
    taking.add_argument("file", type=Path, metavar="FILE", help="CSV, CSV.gz, Parquet, JSON lines")
    taking.add_argument("--map", type=Path, required=True, metavar="MAP.toml", dest="mapping")
    taking.add_argument("--dry-run", action="store_true", help="check every row, send nothing")
    taking.add_argument("--from-row", type=int, default=0, metavar="N", help="pass over N rows")
    server.add_arguments(taking)
    # Accepted after the sub-command too; absent, it must not undo what stood before it.
    taking.add_argument("--json", action="store_true", default=argparse.SUPPRESS)


STATES = ("recorded", "repeated", "held", "refused")


def run(arguments: argparse.Namespace, clock: Clock | None = None) -> int:
    """Run the sub-command. Errors: PaywardenError, for the caller to tell."""
    clock = clock or SystemClock()
    events = read_events(arguments.file, read_event_map(arguments.mapping, LABEL), None)
    if arguments.dry_run:
        kinds = Counter(events.frame["event.kind"].to_list())
        checked = {"dry_run": True, "rows": len(events), "kinds": dict(kinds)}
        output.answer(arguments, checked, f"{len(events)} rows, every one is good")
        return output.DONE
    with server.connected(arguments) as http:
        document = _send(http, events, max(0, arguments.from_row), clock)
    words = ", ".join(f"{document[name]} {name}" for name in STATES)
    problems: list[dict[str, str]] = document["problems"]
    lines = [words, *(f"{one['place']}: [{one['code']}]" for one in problems)]
    output.answer(arguments, document, "\n".join(lines))
    return output.NOT_SO if document["refused"] else output.DONE


def _send(http: httpx.Client, events: EventRows, start: int, clock: Clock) -> dict[str, Any]:
    """Send rows from `start` on; the document. On a fault it says where to go on."""
    told: Counter[str] = Counter()
    problems: list[dict[str, str]] = []
    progress = progress_lines(clock, "rows")
    for first, batch in _batches(events, start):
        try:
            found = server.asked(http, "POST", "/v1/events", {"events": batch})
        except PaywardenError:
            output.tell(f"{first} rows are done; go on with --from-row {first}, or send all again")
            raise
        _count(found["results"], events, first, told, problems)
        progress(first + len(batch), len(events))
    return {
        "rows": len(events),
        **{name: told[name] for name in STATES},
        "problems": problems,
    }


def _batches(events: EventRows, start: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """(number of the first row, up to BATCH events as the API takes them)."""
    batch: list[dict[str, Any]] = []
    first = start
    for number, values in enumerate(rows_of(events)):
        if number < start:
            continue
        batch.append(_event(values, int(events.time_us[number])))
        if len(batch) == BATCH:
            yield first, batch
            first, batch = number + 1, []
    if batch:
        yield first, batch


def _event(values: Sequence[str | None], time_us: int) -> dict[str, Any]:
    named = zip(_WIRE.values(), values, strict=True)
    return {"occurred_at": format_rfc3339(time_us)} | {k: v for k, v in named if v is not None}


def _count(
    results: Sequence[Mapping[str, Any]],
    events: EventRows,
    first: int,
    told: Counter[str],
    problems: list[dict[str, str]],
) -> None:
    for number, one in enumerate(results):
        told[one["status"]] += 1
        if one["status"] == "refused" and len(problems) < SHOWN:
            problems.append({"place": events.place(first + number), "code": one["code"]})
