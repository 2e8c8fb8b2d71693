"""`paywarden keys`: a new API key for a merchant or an operator, while no server runs."""

from __future__ import annotations

import argparse
import os

from paywarden.cli import output
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.evidence.screen import may_not_be_logged
from paywarden.identity.api_keys import key_created, new_key
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal


def make_api_key(arguments: argparse.Namespace, home: Home) -> int:
    """Make and print a key; it is shown this once."""
    home.require()
    settings = home.settings(os.environ)
    scope = Scope(settings.installation.tenant, Environment(arguments.environment))
    reader = Reader(home.database)
    audit = SqliteAuditLog(reader, screen=may_not_be_logged)
    writer = Writer(home.database, PARTS, (SqliteJournal(reader), audit))
    writer.start()
    try:
        pepper = derive(load_master_key(home.master_key), Purpose.API_KEYS)
        secret, record = new_key(
            scope, arguments.role, pepper, SystemClock(), SystemRandomness(), arguments.merchant
        )
        unit = UnitOfWork()
        audit.record(unit, key_created(record, "command:keys"))
        SqliteKeys(reader, writer).save(record, unit)
    finally:
        writer.close()
        reader.close()
    document = {"api_key": secret.expose(), "key_id": record.key_id, "role": record.role}
    output.answer(arguments, document, f"{record.key_id}: {secret.expose()}")
    return output.DONE
