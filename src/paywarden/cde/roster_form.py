"""The one form of a roster as a file: who is enrolled, with which keys and roles.

    {"rp_id": "...", "origins": ["https://..."], "members": [{"person": "psn_...",
     "keys": {"<credential id, base64url>": "<COSE key, base64url>"},
     "roles": [{"role": "key_custodian", "granted_by": "psn_...", "granted_at_us": 0}]}]}

Guards: octets that are not wholly understood are no roster. Not done here: whether the file may be
believed (`keys.roster_file`, `ceremonies.signed_roster`, `egress.roster_file`).
"""

from __future__ import annotations

import base64
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from paywarden.cde.frame_format import UNREADABLE
from paywarden.cde_client.roster import Member, PinnedRoster, RelyingParty, RoleHeld

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


def roster_of(octets: bytes) -> PinnedRoster:
    """The roster of a file's octets. ValueError for anything that is none."""
    try:
        found = msgspec.json.decode(octets[:LIMIT_OCTETS], type=_File)
    except UNREADABLE as fault:
        raise ValueError(str(fault)) from fault
    members = {one.person: _member(one) for one in found.members}
    if len(members) != len(found.members):
        raise ValueError("a person stands in it twice")
    return PinnedRoster(RelyingParty(found.rp_id, frozenset(found.origins)), members)


def octets_of(roster: PinnedRoster) -> bytes:
    """The file's octets of a roster."""
    party = roster.relying_party
    members = [_written(one) for one in roster.members.values()]
    made = msgspec.json.encode(_File(party.rp_id, sorted(party.origins), members))
    return msgspec.json.format(made) + b"\n"


def _member(one: _Member) -> Member:
    keys = {_octets(name): _octets(key) for name, key in one.keys.items()}
    roles = tuple(RoleHeld(held.role, held.granted_by, held.granted_at_us) for held in one.roles)
    return Member(one.person, keys, roles)


def _written(one: Member) -> _Member:
    keys = {_text(name): _text(key) for name, key in one.keys.items()}
    roles = [_Role(held.role, held.granted_by, held.granted_at_us) for held in one.roles]
    return _Member(one.person, keys, roles)


def _octets(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _text(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")
