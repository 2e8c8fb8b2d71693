"""`paywarden init`: settings, keys, databases, first policy, first operator key.

Guards: nothing that exists is ever changed; a second run says so. Legal order: folder, settings,
master key, schema, log (genesis of test and live), rule library with typologies, operator key. A
run that was interrupted is finished by the next one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import paywarden
from paywarden.aml.shipped_typologies import with_typologies
from paywarden.core.errors import Conflict
from paywarden.core.instants import parse_rfc3339
from paywarden.core.scope import Scope
from paywarden.decision import entries
from paywarden.decision.approved_payloads import publication
from paywarden.decision.entries import GenesisEntry
from paywarden.decision.start import apply_control
from paywarden.entrypoints.home import Home, private_write
from paywarden.entrypoints.installation import KEY_PARTS, PARTS, Installation
from paywarden.entrypoints.settings import DEFAULT_TEXT, History
from paywarden.entrypoints.webhooks import DELIVERY_PARTS
from paywarden.fraud import shipped_policies
from paywarden.fraud.shipped_policies import policy_folder
from paywarden.identity.api_keys import key_created, new_key
from paywarden.identity.approvals.catalogue import RULESET_PUBLISH
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.master import create_master_key
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.journal.model import Entry
from paywarden.risk.rules.file_pack import PolicyFiles, pack_files
from paywarden.risk.rules.reader import files_of

ACTOR = "init"


@dataclass(slots=True)
class Initialised:
    """What `init` made; `changed` is empty when everything was there."""

    home: Home
    api_key: str = ""
    changed: list[str] = field(default_factory=list)


async def initialise(home: Home, policy: Path | None = None) -> Initialised:
    """Make or finish an installation; `policy` is a folder to publish instead of the library's.

    Errors: Unavailable, Corrupt, InvalidRequest (settings, policy).
    """
    done = Initialised(home)
    _files(home, done)
    _schemas(home, done)
    installation = Installation(home, home.settings(os.environ), SystemClock(), SystemRandomness())
    if _finished(installation):
        installation.reader.close()
        _show_key(home, done)
        return done
    await installation.start()
    try:
        await _log(installation, done)
        await _policy(installation, done, policy or policy_folder())
        _operator(installation, done)
    finally:
        await installation.stop()
    return done


def _files(home: Home, done: Initialised) -> None:
    home.make()
    if not home.settings_file.exists():
        home.settings_file.write_text(DEFAULT_TEXT, encoding="utf-8")
        done.changed.append("settings")
    try:
        create_master_key(home.master_key, SystemRandomness())
        done.changed.append("master key")
    except Conflict:
        pass  # a key is never replaced


def _schemas(home: Home, done: Initialised) -> None:
    from paywarden.kit.db.migrate import migrate  # loads SQLAlchemy: only here

    if migrate(home.database, PARTS):
        done.changed.append("database")
    if migrate(home.subject_keys, KEY_PARTS):
        done.changed.append("key database")
    if migrate(home.webhooks, DELIVERY_PARTS):
        done.changed.append("webhook database")


async def _log(installation: Installation, done: Initialised) -> None:
    ledger = installation.ledger
    start = history_start_us(installation.settings.history)
    for scope in installation.scopes:
        if scope in ledger.states:
            continue
        body = GenesisEntry(paywarden.__version__, start)
        unit, now = UnitOfWork(), installation.clock.now_us()
        staged = ledger.stage(unit, scope, entries.GENESIS, now, body)
        await ledger.commit(unit, [staged])
        entry = Entry(staged.seq, scope, entries.GENESIS, now, entries.encode(body))
        apply_control(ledger, entry, installation.foundations(), installation.fresh_lists())
        done.changed.append(f"log of {scope.text}")


async def _policy(installation: Installation, done: Initialised, folder: Path) -> None:
    found = files_of(folder)
    if folder == shipped_policies.policy_folder():
        found = with_typologies(found)
    files = PolicyFiles(pack_files(found))
    for scope in installation.scopes:
        if installation.ledger.states[scope].ruleset is None:
            row, _fresh = await installation.policies.create(scope, files, ACTOR)
            await installation.approvals.install(
                scope, RULESET_PUBLISH, publication(row.hash), ACTOR
            )
            done.changed.append(f"rule library of {scope.text}")


def _operator(installation: Installation, done: Initialised) -> None:
    path = installation.home.operator_key
    if installation.api_keys.count() == 0:
        test: Scope = installation.scopes[0]
        secret, record = new_key(
            test, "operator", installation.pepper, installation.clock, installation.randomness
        )
        unit = UnitOfWork()
        installation.audit.record(unit, key_created(record, "command:init"))
        installation.api_keys.stage(unit, record)
        installation.writer.submit(unit).result()
        private_write(path, secret.expose() + "\n")
        done.changed.append("operator key")
    _show_key(installation.home, done)


def _show_key(home: Home, done: Initialised) -> None:
    if home.operator_key.exists():
        done.api_key = home.operator_key.read_text(encoding="utf-8").strip()


def _finished(installation: Installation) -> bool:
    """Whether log, policies and a key exist, so that nothing has to be started."""
    kinds = {
        (scope, kind)
        for _seq, scope, kind in installation.records.control_entries(installation.journal.head())
    }
    published = all((scope, entries.POLICY) in kinds for scope in installation.scopes)
    return published and installation.api_keys.count() > 0


def history_start_us(settings: History) -> int:
    """Since when the log is complete; a far past when it always was."""
    return parse_rfc3339(settings.complete_from) if settings.complete_from else EVER_US


EVER_US = -(2**62)
