"""The acts of `paywarden keys`, whoever runs them: the command itself, or the server that it asks.

Guards: a live key of a privileged role is made at the first set-up alone; afterwards by approval.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest
from paywarden.core.instants import DAY_US, format_rfc3339
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.entrypoints.local_door import Told
from paywarden.identity.api_keys import KeyRecord
from paywarden.identity.approvals.catalogue import API_KEY_CREATE
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.inactivity import is_unused
from paywarden.identity.key_desk import PRIVILEGED, KeyDesk, KeyWanted

ACTOR: Final = "cli:keys"
COMMAND: Final = "keys"
Word = Annotated[str, Meta(max_length=200)]


class KeysAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Arguments of the command."""

    act: Literal["make", "list", "revoke", "rotate"]
    environment: Literal["test", "live"]
    role: Literal["merchant", "operator", "auditor"]
    key: Word | None = None
    name: Word = ""
    owner: Word = ""
    days: Annotated[int, Meta(ge=-100_000, le=100_000)] | None = None
    overlap_hours: Annotated[int, Meta(ge=-100_000, le=100_000)] = 24
    merchant: Word | None = None


@dataclass(frozen=True, slots=True)
class KeyRoom:
    """What the acts work with."""

    desk: KeyDesk
    approvals: Approvals
    tenant: str
    clock: Clock

    async def run(self, given: bytes) -> Told:
        """One act by its arguments as JSON. Errors: InvalidRequest, NotFound, Conflict."""
        try:
            asked = _DECODER.decode(given)
        except msgspec.DecodeError:
            raise InvalidRequest("keys_arguments_invalid", "an argument is out of range") from None
        return await _ACTS[asked.act](asked, self)

    def scope(self, asked: KeysAsked) -> Scope:
        """Tenant and environment."""
        return Scope(self.tenant, Environment(asked.environment))


async def _make(asked: KeysAsked, room: KeyRoom) -> Told:
    scope, role = room.scope(asked), asked.role
    ends = room.clock.now_us() + asked.days * DAY_US if asked.days else None
    wanted = KeyWanted(role, asked.name, asked.owner, asked.merchant, ends)
    if scope.environment is Environment.LIVE and role in PRIVILEGED:
        made = await room.approvals.install(scope, API_KEY_CREATE, wanted.payload(), ACTOR)
        return Told(made, f"{made['key_id']}: {made['api_key']}")
    return _shown(*await room.desk.make(
        scope, role, ACTOR, name=asked.name, owner=asked.owner, merchant=asked.merchant,
        expires_at_us=ends,
    ))  # fmt: skip


async def _rotate(asked: KeysAsked, room: KeyRoom) -> Told:
    key_id, hours = _named(asked), asked.overlap_hours
    return _shown(*await room.desk.rotate(room.scope(asked), key_id, hours, ACTOR))


async def _revoke(asked: KeysAsked, room: KeyRoom) -> Told:
    key_id = _named(asked)
    await room.desk.revoke(room.scope(asked), key_id, ACTOR)
    return Told({"key_id": key_id}, f"{key_id}: revoked")


async def _list(asked: KeysAsked, room: KeyRoom) -> Told:
    now_us = room.clock.now_us()
    items = [_item(one, now_us) for one in room.desk.listing(room.scope(asked))]
    lines = [
        f"{one['key_id']}  {'live' if one['live'] else 'over'}  {one['role']}  "
        f"{one['name'] or '-'}  {one['owner'] or '-'}  last used {one['last_used_at'] or 'never'}"
        + ("  UNUSED" if one["unused_90_days"] else "")
        for one in items
    ]
    return Told({"items": items}, "\n".join(lines) or "no keys")


def _shown(secret: Secret[str], record: KeyRecord) -> Told:
    document = {"api_key": secret.expose(), "key_id": record.key_id, "role": record.role}
    return Told(document, f"{record.key_id}: {secret.expose()}")


def _item(one: KeyRecord, now_us: int) -> dict[str, Any]:
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


def _named(asked: KeysAsked) -> str:
    if not asked.key:
        raise InvalidRequest("key_not_named", "name the key", pointer="--key")
    return asked.key


_DECODER: Final = msgspec.json.Decoder(KeysAsked)
_ACTS: Final[dict[str, Callable[[KeysAsked, KeyRoom], Awaitable[Told]]]] = {
    "make": _make,
    "list": _list,
    "revoke": _revoke,
    "rotate": _rotate,
}
