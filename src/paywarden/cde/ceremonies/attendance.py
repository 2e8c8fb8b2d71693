"""Who acts in a ceremony: a signature over the step, by a key that the signed roster holds.

    roster.json   people, roles, public keys (COSE), and the roster key's Ed25519 signature
    roster.pub    the roster key, 32 octets, put there by hand: what is pinned

Guards: a person counts only with a key of the roster and a role for the step that the officer of
this ceremony did not grant; what is signed names ceremony, stage, step, person and a number drawn
for the stage, so that no signature serves twice. A passkey's assertion is taken as well as a plain
signature by the same key. Not done here: approvals by people outside the ceremony (`grants`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from paywarden.cde.primitives import bound
from paywarden.cde_client.assertion import fault_of
from paywarden.cde_client.cose import read_key, signed_by
from paywarden.cde_client.grants import may_approve
from paywarden.cde_client.messages import Assertion
from paywarden.cde_client.roster import Member, PinnedRoster, RelyingParty, RoleHeld
from paywarden.core.errors import Corrupt, NotPermitted, Unavailable

CUSTODIAN: Final = "key_custodian"
OFFICER: Final = "key_officer"
STEP_DOMAIN: Final = b"paywarden.ceremony-step.v1"
ROSTER_DOMAIN: Final = b"paywarden.ceremony-roster.v1\n"
_ED25519_COSE: Final = bytes.fromhex("a4010103272006215820")
_ROSTER_LIMIT_OCTETS: Final = 256_000


class Proof(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A signature over a step; the two middle fields are empty unless a passkey made it."""

    credential_id: bytes
    signature: bytes
    authenticator_data: bytes = b""
    client_data: bytes = b""


class EnrolledPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One person of the roster; keys are COSE octets by credential id in hex."""

    person: str
    keys: dict[str, bytes]
    roles: dict[str, str]
    """Role to the id of who granted it."""


class RosterFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The signed roster."""

    rp_id: str
    origins: list[str]
    people: list[EnrolledPerson]
    signature: bytes = b""

    def signed_octets(self) -> bytes:
        """What the roster key signs."""
        bare = msgspec.structs.replace(self, signature=b"")
        return ROSTER_DOMAIN + msgspec.json.encode(bare, order="deterministic")


def step(ceremony: str, stage: str, what: str, person: str, nonce: bytes) -> bytes:
    """The 32 octets that a person signs for a step."""
    parts = (ceremony.encode(), stage.encode(), what.encode(), person.encode(), nonce)
    return hashlib.sha256(bound(STEP_DOMAIN, *parts)).digest()


def cose_of(public: bytes) -> bytes:
    """An Ed25519 public key (32 octets) as COSE octets (RFC 9053, section 7.2)."""
    return _ED25519_COSE + public


def credential_of(public: bytes) -> bytes:
    """The credential id of a plain key: sixteen octets of its SHA-256."""
    return hashlib.sha256(public).digest()[:16]


def believe(
    roster: PinnedRoster, person: str, role: str, granter: str, signed: bytes, proof: Proof
) -> None:
    """That `person`, in `role` not granted by `granter`, signed. Errors: NotPermitted."""
    member = roster.members.get(person)
    if member is None or not may_approve(member, granter, frozenset({role})):
        raise NotPermitted("not_on_roster", f"no {role} of the roster, independent of the officer")
    key = member.keys.get(proof.credential_id)
    if key is None or not _holds(key, signed, proof, roster.relying_party):
        raise NotPermitted("step_unproven", "the signature over this step does not hold")


def load_roster(folder: Path) -> PinnedRoster:
    """The roster, verified. Errors: Unavailable `roster_missing`, Corrupt `roster_unsigned`."""
    try:
        octets, pinned = (folder / "roster.json").read_bytes(), (folder / "roster.pub").read_bytes()
    except FileNotFoundError as fault:
        name = Path(str(fault.filename)).name
        raise Unavailable("roster_missing", f"no {name}; make the roster first") from None
    try:
        if len(octets) > _ROSTER_LIMIT_OCTETS:
            raise ValueError("too long")
        file = msgspec.json.decode(octets, type=RosterFile)
        verifier = Ed25519PublicKey.from_public_bytes(pinned)
        verifier.verify(file.signature, file.signed_octets())
        return _pinned(file)
    except (ValueError, InvalidSignature):
        raise Corrupt("roster_unsigned", "the roster is not signed by the pinned key") from None


def _pinned(file: RosterFile) -> PinnedRoster:
    members = {}
    for one in file.people:
        keys = {bytes.fromhex(name): key for name, key in one.keys.items()}
        roles = tuple(RoleHeld(role, granter, 0) for role, granter in one.roles.items())
        members[one.person] = Member(one.person, keys, roles)
    return PinnedRoster(RelyingParty(file.rp_id, frozenset(file.origins)), members)


def _holds(key: bytes, signed: bytes, proof: Proof, party: RelyingParty) -> bool:
    try:
        if not proof.authenticator_data:
            return signed_by(read_key(key), proof.signature, signed)
        assertion = Assertion(
            proof.credential_id, proof.authenticator_data, proof.client_data, proof.signature
        )
    except ValueError:
        return False
    return fault_of(assertion, key, signed, party) is None
