"""The agent's own roster of custodians: `<home>/cde/keys/roster.json`, pinned at a ceremony.

    {"rp_id": "...", "origins": ["https://..."], "members": [{"person": "psn_...",
     "keys": {"<credential id, base64url>": "<COSE key, base64url>"},
     "roles": [{"role": "key_custodian", "granted_by": "psn_...", "granted_at_us": 0}]}]}

Guards: it comes from people and no process of the house can write it; a file that is not wholly
understood refuses to start.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from paywarden.cde.frame_format import UNREADABLE
from paywarden.cde_client.roster import Member, PinnedRoster, RelyingParty, RoleHeld
from paywarden.core.errors import InvalidRequest, Unavailable

FILE: Final = "roster.json"
LIMIT_OCTETS: Final = 1 << 20


class _Role(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    role: str
    granted_by: str
    granted_at_us: int


class _Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    person: str
    keys: dict[str, str]
    roles: list[_Role]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rp_id: Annotated[str, Meta(min_length=1)]
    origins: Annotated[list[str], Meta(min_length=1)]
    members: Annotated[list[_Member], Meta(min_length=2)]


def read_roster(path: Path) -> PinnedRoster:
    """The roster. Errors: Unavailable `roster_missing`, InvalidRequest `roster_invalid`."""
    try:
        octets = path.read_bytes()
    except OSError as fault:
        raise Unavailable("roster_missing", f"no {path.name}: production needs one") from fault
    try:
        found = msgspec.json.decode(octets[:LIMIT_OCTETS], type=_File)
        members = {one.person: _member(one) for one in found.members}
    except (*UNREADABLE, binascii.Error) as fault:
        raise InvalidRequest("roster_invalid", f"{path.name}: {fault}", pointer=FILE) from fault
    if len(members) != len(found.members):
        raise InvalidRequest("roster_invalid", "a person stands in it twice", pointer=FILE)
    return PinnedRoster(RelyingParty(found.rp_id, frozenset(found.origins)), members)


def _member(one: _Member) -> Member:
    keys = {_octets(name): _octets(key) for name, key in one.keys.items()}
    roles = tuple(RoleHeld(r.role, r.granted_by, r.granted_at_us) for r in one.roles)
    return Member(one.person, keys, roles)


def _octets(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
