"""The verifier's own knowledge: who is enrolled, with which keys and roles. Pure values.

Guards: nothing of a grant is believed that this roster does not say. Another process (the card data
environment) pins a roster of its own; the house builds one from its stores at each use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom passkeys sign: the RP id (a host name) and the origins of pages allowed to ask."""

    rp_id: str
    origins: frozenset[str]


@dataclass(frozen=True, slots=True)
class RoleHeld:
    """A role of a person, and who granted it (`bootstrap` for the first three)."""

    role: str
    granted_by: str
    granted_at_us: int


@dataclass(frozen=True, slots=True)
class Member:
    """One enrolled person: credential id to COSE public key, and the roles held now."""

    person: str
    keys: Mapping[bytes, bytes] = field(default_factory=dict)
    roles: tuple[RoleHeld, ...] = ()


@dataclass(frozen=True, slots=True)
class PinnedRoster:
    """Members by person id, and the relying party that their passkeys are bound to."""

    relying_party: RelyingParty
    members: Mapping[str, Member]
