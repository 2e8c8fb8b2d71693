"""Who acts in a ceremony: a signature over the step, by a key that the signed roster holds.

Guards: a person counts only with a key of the roster and a role for the step that the officer of
this ceremony did not grant; what is signed names ceremony, stage, step, person and a number drawn
for the stage, so that no signature serves twice. A passkey's assertion is taken as well as a plain
signature by the same key. Not done here: the roster (`signed_roster`), approvals by people outside
the ceremony (`grants`).
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from paywarden.cde.primitives import bound
from paywarden.cde_client.assertion import fault_of
from paywarden.cde_client.cose import read_key, signed_by
from paywarden.cde_client.grants import may_approve
from paywarden.cde_client.messages import Assertion
from paywarden.cde_client.roster import PinnedRoster, RelyingParty
from paywarden.core.errors import NotPermitted

CUSTODIAN: Final = "key_custodian"
OFFICER: Final = "key_officer"
STEP_DOMAIN: Final = b"paywarden.ceremony-step.v1"
_ED25519_COSE: Final = bytes.fromhex("a4010103272006215820")


class Proof(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A signature over a step; the two middle fields are empty unless a passkey made it."""

    credential_id: bytes
    signature: bytes
    authenticator_data: bytes = b""
    client_data: bytes = b""


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
