"""The roster that egress pins: a file of its own, which no other process writes.

    {"rp_id": "risk.example", "origins": ["https://risk.example"], "members": [{"person": "psn_...",
     "roles": [{"role": "approver", "granted_by": "bootstrap", "granted_at_us": 0}],
     "keys": [{"credential_id": "<base64>", "public_key": "<base64, COSE>"}]}]}

Guards: owned by this process' user or root, not a link, not writable by others; read at the start.
Whoever may write it decides who approves: it is handed over like a key (docs/operate/reveal.md).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from paywarden.cde_client.roster import Member, PinnedRoster, RelyingParty, RoleHeld
from paywarden.core.errors import Unavailable

SIZE_LIMIT_OCTETS: Final = 1_048_576


class _Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: str
    granted_by: str
    granted_at_us: int


class _Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    credential_id: bytes
    public_key: bytes


class _Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    person: str
    roles: list[_Role]
    keys: list[_Key]


class _Roster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rp_id: str
    origins: list[str]
    members: list[_Member]


def load_roster(path: Path) -> PinnedRoster:
    """The roster; nobody may approve where there is no file. Errors: Unavailable."""
    if not path.exists():
        return PinnedRoster(RelyingParty("", frozenset()), {})
    try:
        found = msgspec.json.decode(_octets(path), type=_Roster)
    except msgspec.MsgspecError:
        raise Unavailable("roster_unreadable", f"{path.name} is not a roster") from None
    party = RelyingParty(found.rp_id, frozenset(found.origins))
    return PinnedRoster(party, {one.person: _member(one) for one in found.members})


def text_of(roster: PinnedRoster) -> bytes:
    """The file's octets of a roster."""
    members = [
        _Member(
            one.person,
            [_Role(held.role, held.granted_by, held.granted_at_us) for held in one.roles],
            [_Key(credential, key) for credential, key in one.keys.items()],
        )
        for one in roster.members.values()
    ]
    party = roster.relying_party
    return msgspec.json.encode(_Roster(party.rp_id, sorted(party.origins), members))


def _member(one: _Member) -> Member:
    keys = {key.credential_id: key.public_key for key in one.keys}
    roles = tuple(RoleHeld(held.role, held.granted_by, held.granted_at_us) for held in one.roles)
    return Member(one.person, keys, roles)


def _octets(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        raise Unavailable("roster_unsafe", f"{path.name} is a link or cannot be read") from None
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        mine = about.st_uid in (os.geteuid(), 0)
        if not stat.S_ISREG(about.st_mode) or not mine or about.st_mode & 0o022:
            raise Unavailable("roster_unsafe", f"{path.name} may be written by others: chmod 600")
        return file.read(SIZE_LIMIT_OCTETS)
