"""`paywarden import FILE... --map MAP.toml`: a customer's own past, through the log of a home.

Guards: no server may run (the writer's lock says so). Legal order: check every file, fold what the
scope holds, IMPORT, rows, IMPORT_END; until then the scope decides nothing. Killed at any point,
`--resume` goes on behind the last durable row; the same files again count nothing. Beginning and
end stand in the audit log with the digest of each file, the counts and who did it. Exit code 1 when
rows were left out (conflicts, events of unknown payments); they are named.
"""

from __future__ import annotations

import argparse
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paywarden.cli import output
from paywarden.cli.decide import progress_lines
from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.import_desk import Desk, told
from paywarden.entrypoints.installation import Installation
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.log import configure
from paywarden.lab.card_screen import CardScreen
from paywarden.lab.history_files import Checked, HistoryFiles, HistoryRequest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `import`."""
    parser.add_argument("file", type=Path, nargs="*", metavar="FILE", help="payments, in order")
    parser.add_argument("--map", type=Path, metavar="MAP.toml", dest="mapping")
    parser.add_argument("--results", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--labels", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--environment", choices=("test", "live"), default="test")
    parser.add_argument("--dry-run", action="store_true", help="check every row, write nothing")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished import")
    parser.add_argument("--abandon", action="store_true", help="end an unfinished import as it is")


def import_history(arguments: argparse.Namespace, home: Home, clock: Clock | None = None) -> int:
    """Run the command; the exit code."""
    configure(level="error")
    clock = clock or SystemClock()
    settings, environment = home.settings(os.environ), Environment(arguments.environment)
    own = Installation(home, settings, clock, SystemRandomness())
    desk = Desk(own, Scope(settings.installation.tenant, environment), clock, _actor())
    if arguments.abandon:
        with _open(own):
            return _abandon(arguments, desk)
    if not arguments.file or arguments.mapping is None:
        _close(own)
        raise InvalidRequest("import_incomplete", "name files of payments, and --map MAP.toml")
    with _reading(own) if arguments.dry_run else _open(own):
        files = _files(arguments, own, clock)
        checked = files.check(output.tell)
        if not arguments.dry_run:
            return _import(arguments, desk, files, checked)
    document = {"dry_run": True, **told(checked)}
    words = f"{checked.payments} payments, {checked.events} events: every row is good"
    output.answer(arguments, document, words)
    return output.DONE


def _files(arguments: argparse.Namespace, own: Installation, clock: Clock) -> HistoryFiles:
    request = HistoryRequest(
        tuple(arguments.file), arguments.mapping, clock.now_us(),
        tuple(arguments.results), tuple(arguments.labels),
    )  # fmt: skip
    return HistoryFiles(request, CardScreen(own.keys.sub("fingerprints"), own.hash_identifier))


@contextmanager
def _open(own: Installation) -> Iterator[None]:
    """The home for this process alone. Errors: Conflict `writer_already_running`."""
    try:
        own.writer.start()
        own.keeper.start()
        yield
    finally:
        if own.writer.state == "open":
            own.writer.close()
        own.keeper.close()
        _close(own)


@contextmanager
def _reading(own: Installation) -> Iterator[None]:
    """Nothing is written, so a server may run."""
    try:
        yield
    finally:
        _close(own)


def _close(own: Installation) -> None:
    own.wrapped_keys.close()
    own.reader.close()


def _import(
    arguments: argparse.Namespace, desk: Desk, files: HistoryFiles, checked: Checked
) -> int:
    document = desk.run(files, checked, progress_lines(desk.clock, "rows"), arguments.resume)
    if document["repeated_files"]:
        words = "these files were imported before; nothing counted"
    else:
        words = _words(document)
    output.answer(arguments, document, words)
    left_out = any(document.get(name) for name in ("conflict", "unknown_payment", "refused"))
    return output.NOT_SO if left_out else output.DONE


def _abandon(arguments: argparse.Namespace, desk: Desk) -> int:
    known = desk.known()
    if not known.unfinished:
        output.answer(arguments, {"abandoned": None}, "no import is unfinished here")
        return output.NOT_SO
    document = desk.abandon(known)
    words = "abandoned; windows that reach before now are partial until the log is long enough"
    output.answer(arguments, document, words)
    return output.DONE


def _words(document: dict[str, Any]) -> str:
    lines = [
        f"{document['payments']} payments and {document['events']} events from"
        f" {document['first']} to {document['last']}; {document['rows_this_run']} rows in"
        f" {document['seconds']} s ({document['rows_per_second']} a second)"
    ]
    names = ("repeated", "conflict", "unknown_payment", "refused", "not_yet_known")
    lines += [f"{name}: {document[name]}" for name in names if document[name]]
    return "\n".join(lines)


def _actor() -> str:
    """The account of this machine that runs the command, as the audit log may hold it."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    plain = "".join(letter if "!" <= letter <= "~" else "_" for letter in name)[:128]
    return f"local:{plain or 'unknown'}"
