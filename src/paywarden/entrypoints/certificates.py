"""`paywarden certificates`: which client certificates a key must come with; no server runs then."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from paywarden.cli import output
from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.identity.certificate_bindings import Binder
from paywarden.identity.stores.sqlite_certificates import SqliteBindings
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.clock import SystemClock
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal

ACTOR = "process:cli"
FILE_LIMIT = 65_536


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("act", choices=("bind", "release", "list"))
    parser.add_argument("key_id", metavar="KEY_ID", help="key_..., as `keys` printed it")
    parser.add_argument("--certificate", metavar="FILE", help="PEM file (bind)")
    parser.add_argument("--thumbprint", metavar="SHA256", help="as `list` prints it (release)")
    parser.add_argument("--environment", choices=("test", "live"), default="test")


def certificates(arguments: argparse.Namespace, home: Home) -> int:
    """Bind, release or list. Errors: InvalidRequest, Conflict."""
    home.require()
    tenant = home.settings(os.environ).installation.tenant
    scope = Scope(tenant, Environment(arguments.environment))
    reader = Reader(home.database)
    store = SqliteBindings(reader)
    try:
        if arguments.act != "list":
            _change(arguments, home, scope, reader, store)
        bound = store.of_key(scope, arguments.key_id)
    finally:
        reader.close()
    document = {"key_id": arguments.key_id, "thumbprints": [one.thumbprint for one in bound]}
    words = "\n".join(one.thumbprint for one in bound) or "no certificate is asked of this key"
    output.answer(arguments, document, words)
    return output.DONE


def _change(
    arguments: argparse.Namespace, home: Home, scope: Scope, reader: Reader, store: SqliteBindings
) -> None:
    audit = SqliteAuditLog(reader)
    binder, unit = Binder(store, audit, SystemClock()), UnitOfWork()
    if arguments.act == "bind":
        binder.bind(unit, scope, arguments.key_id, _read(arguments.certificate), ACTOR)
    else:
        thumbprint = arguments.thumbprint
        if not thumbprint:
            raise InvalidRequest("thumbprint_missing", "say which one", pointer="--thumbprint")
        binder.release(unit, scope, arguments.key_id, thumbprint.lower(), ACTOR)
    if not unit.writes:
        return
    writer = Writer(home.database, PARTS, (SqliteJournal(reader), audit))
    writer.start()
    try:
        writer.submit(unit).result()
    finally:
        writer.close()


def _read(file: str | None) -> bytes:
    if not file or not Path(file).is_file():
        raise InvalidRequest("certificate_missing", "name a PEM file", pointer="--certificate")
    with Path(file).open("rb") as opened:
        return opened.read(FILE_LIMIT)
