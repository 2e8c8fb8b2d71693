"""`paywarden people`: list, invite, disable, link, revoke-sessions; with a server or without.

Guards: a home has one writer, and listing is recorded too. Where the home's server runs it is asked
(`local_door`); else this process opens the home for itself, and is refused while another writes it.
"""

from __future__ import annotations

import argparse
import asyncio
import os

import msgspec

from paywarden.entrypoints.approvals_wiring import wired
from paywarden.entrypoints.asking import carry_out
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.entrypoints.local_door import Told
from paywarden.entrypoints.people_commands import COMMAND, PeopleAsked, PeopleRoom
from paywarden.entrypoints.people_wiring import People
from paywarden.evidence.screen import may_not_be_logged
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.person_acts import PersonActs
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.audit_personal import PersonalDetails
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.stores.sqlite_journal import SqliteJournal
from paywarden.kit.stores.sqlite_subject_keys import SqliteWrappedKeys


class _Room:
    """The identity room over a home that nobody else writes."""

    def __init__(self, home: Home) -> None:
        settings = home.settings(os.environ)
        clock, chance = SystemClock(), SystemRandomness()
        master = load_master_key(home.master_key)
        self._reader = Reader(home.database)
        self._wrapped = SqliteWrappedKeys(home.subject_keys)
        ring = SubjectKeyRing(master, self._wrapped, chance)
        audit = SqliteAuditLog(self._reader, PersonalDetails(ring, chance), may_not_be_logged)
        self.writer = Writer(home.database, PARTS, (ring, SqliteJournal(self._reader), audit))
        keys = ApiKeyAuthenticator(
            SqliteKeys(self._reader, self.writer), derive(master, Purpose.API_KEYS), clock
        )
        self.people = People(
            settings, home.root, self._reader, self.writer, audit, ring, master, keys, clock,
            chance,
        )  # fmt: skip
        self.approvals = wired(
            settings, self.people.roster, self._reader, self.writer, audit, master, clock,
            chance,
        )  # fmt: skip
        PersonActs(self.people.directory, self.people.origin).register(self.approvals)

    def close(self) -> None:
        self.writer.close()
        self._wrapped.close()
        self._reader.close()


def people(arguments: argparse.Namespace, home: Home) -> int:
    """Run one of the sub-commands; the exit code."""
    home.require()
    given = {name: getattr(arguments, name) for name in PeopleAsked.__struct_fields__}
    given["role"] = tuple(arguments.role or ())
    asked = PeopleAsked(**given)
    return carry_out(arguments, home, COMMAND, asked, _alone)


def _alone(asked: PeopleAsked, home: Home) -> Told:
    """The act over the home's own files. Errors: Conflict `writer_already_running`."""
    room = _Room(home)
    try:
        room.writer.start()
        acts = PeopleRoom(room.people, room.approvals)
        return asyncio.run(acts.run(msgspec.json.encode(asked)))
    finally:
        room.close()
