"""`paywarden keys`: make, list, rotate and revoke API keys, while no server runs."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from paywarden.cli import output
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US, format_rfc3339
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints.approvals_wiring import wired
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.evidence.screen import may_not_be_logged
from paywarden.identity.api_keys import KeyRecord
from paywarden.identity.approvals.catalogue import API_KEY_CREATE
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.inactivity import is_unused
from paywarden.identity.key_acts import KeyActs
from paywarden.identity.key_desk import PRIVILEGED, KeyDesk, KeyWanted
from paywarden.identity.roster import StoredRoster
from paywarden.identity.stores.sqlite import SqliteKeys
from paywarden.identity.stores.sqlite_records import SqliteRecords
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.master import load_master_key
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.writer import Writer
from paywarden.kit.log import configure
from paywarden.kit.stores.sqlite_journal import SqliteJournal

ACTOR = "cli:keys"


@dataclass(frozen=True, slots=True)
class _Asked:
    """The desk, the tenant and environment, and the instant of asking."""

    desk: KeyDesk
    approvals: Approvals
    scope: Scope
    now_us: int


def keys(arguments: argparse.Namespace, home: Home) -> int:
    """Run one of the acts; the exit code."""
    home.require()
    configure(level="error")  # the audit log tells of a bypass; standard output is the answer's
    settings = home.settings(os.environ)
    scope = Scope(settings.installation.tenant, Environment(arguments.environment))
    clock = SystemClock()
    with closing(Reader(home.database)) as reader:
        audit = SqliteAuditLog(reader, screen=may_not_be_logged)
        writer = Writer(home.database, PARTS, (SqliteJournal(reader), audit))
        writer.start()
        with closing(writer):
            master, chance = load_master_key(home.master_key), SystemRandomness()
            pepper = derive(master, Purpose.API_KEYS)
            desk = KeyDesk(
                SqliteKeys(reader, writer), writer, audit, pepper, clock,
                chance,
            )  # fmt: skip
            roster = StoredRoster(SqliteRecords(reader), clock)
            approvals = wired(settings, roster, reader, writer, audit, master, clock, chance)
            KeyActs(desk).register(approvals)
            return _ACTS[arguments.act](arguments, _Asked(desk, approvals, scope, clock.now_us()))


def _make(arguments: argparse.Namespace, asked: _Asked) -> int:
    days = arguments.days
    ends = asked.now_us + days * DAY_US if days else None
    role = arguments.role
    if asked.scope.environment is Environment.LIVE and role in PRIVILEGED:
        wanted = KeyWanted(role, arguments.name, arguments.owner, arguments.merchant, ends)
        made = asked.approvals.install(asked.scope, API_KEY_CREATE, wanted.payload(), ACTOR)
        document = asyncio.run(made)
        output.answer(arguments, document, f"{document['key_id']}: {document['api_key']}")
        return output.DONE
    plain = asked.desk.make(
        asked.scope,
        role,
        ACTOR,
        name=arguments.name,
        owner=arguments.owner,
        merchant=arguments.merchant,
        expires_at_us=ends,
    )
    return _show(arguments, *asyncio.run(plain))


def _rotate(arguments: argparse.Namespace, asked: _Asked) -> int:
    rotated = asked.desk.rotate(asked.scope, _named(arguments), arguments.overlap_hours, ACTOR)
    return _show(arguments, *asyncio.run(rotated))


def _revoke(arguments: argparse.Namespace, asked: _Asked) -> int:
    key_id = _named(arguments)
    asyncio.run(asked.desk.revoke(asked.scope, key_id, ACTOR))
    output.answer(arguments, {"key_id": key_id}, f"{key_id}: revoked")
    return output.DONE


def _list(arguments: argparse.Namespace, asked: _Asked) -> int:
    found = asked.desk.listing(asked.scope)
    items = [_shown(one, asked.now_us) for one in found]
    lines = [
        f"{one['key_id']}  {'live' if one['live'] else 'over'}  {one['role']}  "
        f"{one['name'] or '-'}  {one['owner'] or '-'}  last used {one['last_used_at'] or 'never'}"
        + ("  UNUSED" if one["unused_90_days"] else "")
        for one in items
    ]
    output.answer(arguments, {"items": items}, "\n".join(lines) or "no keys")
    return output.DONE


def _show(arguments: argparse.Namespace, secret: Secret[str], record: KeyRecord) -> int:
    document = {"api_key": secret.expose(), "key_id": record.key_id, "role": record.role}
    output.answer(arguments, document, f"{record.key_id}: {secret.expose()}")
    return output.DONE


def _shown(one: KeyRecord, now_us: int) -> dict[str, str | bool | None]:
    return {
        "key_id": one.key_id,
        "live": one.live_at(now_us),
        "role": one.role,
        "merchant": one.merchant,
        "name": one.name,
        "owner": one.owner,
        "created_at": format_rfc3339(one.created_at_us),
        "expires_at": _instant(one.expires_at_us),
        "revoked_at": _instant(one.revoked_at_us),
        "last_used_at": _instant(one.last_used_at_us),
        "unused_90_days": is_unused(one, now_us),
    }


def _instant(at_us: int | None) -> str | None:
    return None if at_us is None else format_rfc3339(at_us)


def _named(arguments: argparse.Namespace) -> str:
    if not arguments.key:
        raise InvalidRequest("key_not_named", "name the key", pointer="--key")
    key: str = arguments.key
    return key


_ACTS: dict[str, Callable[[argparse.Namespace, _Asked], int]] = {
    "make": _make,
    "list": _list,
    "revoke": _revoke,
    "rotate": _rotate,
}
