"""`paywarden cde approvers`: write the people who may approve acts on cards, to be carried over.

Guards: runs on the house's side, as the API's user, and only reads. It hands nothing over: what it
writes decides who may send card numbers away, so two people compare its SHA-256 with what was
enrolled and put it in place by hand (docs/operate/reveal.md). Only active people who hold a role
that counts there, with their passkeys; makers of requests stand in it too, without such a role.
"""

from __future__ import annotations

import argparse
import hashlib
import os
from pathlib import Path
from typing import Final

from paywarden.cde.roster_form import octets_of
from paywarden.cde_client.roster import PinnedRoster, RelyingParty
from paywarden.cli import output
from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict
from paywarden.core.scope import Environment, Scope
from paywarden.entrypoints.home import Home, private_write
from paywarden.identity.approvals.standing import pinned
from paywarden.identity.roster import StoredRoster
from paywarden.identity.stores.sqlite_records import SqliteRecords
from paywarden.kit.clock import SystemClock
from paywarden.kit.db.reader import Reader

PEOPLE_NEEDED: Final = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and of which environment."""
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new file, 0600")
    parser.add_argument("--environment", choices=[one.value for one in Environment], default="live")


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Write the file, tell its digest. Errors: Conflict `roster_too_small`, `file_exists`."""
    home.require()
    settings = home.settings(os.environ)
    scope = Scope(settings.installation.tenant, Environment(arguments.environment))
    given = settings.identity
    party = RelyingParty(given.rp_id, frozenset({given.origin}))
    octets = roster_octets(home, scope, party, SystemClock())
    try:
        private_write(arguments.out, octets.decode())
    except FileExistsError:
        raise Conflict("file_exists", f"{arguments.out.name} is there and is kept") from None
    digest = hashlib.sha256(octets).hexdigest()
    document = {"file": str(arguments.out), "sha256": digest}
    output.answer(arguments, document, f"{arguments.out}: sha256 {digest}")
    return output.DONE


def roster_octets(home: Home, scope: Scope, party: RelyingParty, clock: Clock) -> bytes:
    """The roster's file. Errors: Conflict `roster_too_small`."""
    reader = Reader(home.database)
    try:
        found = pinned(StoredRoster(SqliteRecords(reader), clock), scope, party, clock.now_us())
    finally:
        reader.close()
    able = {name: one for name, one in found.members.items() if one.keys and one.roles}
    if len(able) < PEOPLE_NEEDED:
        raise Conflict("roster_too_small", "two people with passkeys and roles are needed at least")
    return octets_of(PinnedRoster(party, able))
