"""`paywarden keys`: make, list, rotate and revoke API keys, with a server of the home or without.

Guards: a home has one writer. Where its server runs it is asked (`local_door`); else this process
opens the home for itself, and is refused while somebody else writes it.
"""

from __future__ import annotations

import argparse
import asyncio
import os

import msgspec

from paywarden.entrypoints.alone import alone
from paywarden.entrypoints.approvals_wiring import wired
from paywarden.entrypoints.asking import carry_out
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.key_commands import COMMAND, KeyRoom, KeysAsked
from paywarden.entrypoints.local_door import Told
from paywarden.identity.key_acts import KeyActs
from paywarden.identity.key_desk import KeyDesk
from paywarden.identity.owners import NameDigests, Owners
from paywarden.identity.roster import StoredRoster
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.identity.stores.sqlite_records import SqliteRecords
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.log import configure


def keys(arguments: argparse.Namespace, home: Home) -> int:
    """Run one of the acts; the exit code."""
    home.require()
    configure(level="error")  # the audit log tells of a bypass; standard output is the answer's
    asked = KeysAsked(**{name: getattr(arguments, name) for name in KeysAsked.__struct_fields__})
    return carry_out(arguments, home, COMMAND, asked, _alone)


def _alone(asked: KeysAsked, home: Home) -> Told:
    """The act over the home's own files. Errors: Conflict `writer_already_running`."""
    settings, clock, chance = home.settings(os.environ), SystemClock(), SystemRandomness()
    with alone(home) as found:
        reader, audit, writer = found.reader, found.audit, found.writer
        master = load_master_key(home.master_key)
        records = SqliteRecords(reader)
        owners = Owners(records, NameDigests(KeyedDigest(derive(master, Purpose.PEOPLE))))
        desk = KeyDesk(
            SqliteKeys(reader, writer), writer, audit, derive(master, Purpose.API_KEYS),
            owners, clock, chance,
        )  # fmt: skip
        roster = StoredRoster(records, clock)
        approvals = wired(settings, roster, reader, writer, audit, master, clock, chance)
        KeyActs(desk).register(approvals)
        room = KeyRoom(desk, approvals, settings.installation.tenant, clock)
        return asyncio.run(room.run(msgspec.json.encode(asked)))
