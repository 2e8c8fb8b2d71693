"""A home whose server does not run, opened by a command for itself: reader, audit log, writer.

Guards: a home has one writer; while another process writes, opening is refused (Conflict
`writer_already_running`). Acts that only read open no writer and run beside anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.evidence.screen import may_not_be_logged
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal


@dataclass(frozen=True, slots=True)
class Opened:
    """What commands work with; `writer` refuses everything where it was not started."""

    reader: Reader
    audit: SqliteAuditLog
    writer: Writer


@contextmanager
def alone(home: Home, *, writing: bool = True) -> Iterator[Opened]:
    """The home's database, closed at the end. Errors: Conflict, Unavailable, Corrupt."""
    with closing(Reader(home.database)) as reader:
        audit = SqliteAuditLog(reader, screen=may_not_be_logged)
        writer = Writer(home.database, PARTS, (SqliteJournal(reader), audit))
        if not writing:
            yield Opened(reader, audit, writer)
            return
        writer.start()
        with closing(writer):
            yield Opened(reader, audit, writer)
