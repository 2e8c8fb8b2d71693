"""The verifier of signed approvals: pure, total, and believing nothing but keys it knows.

Guards: a grant counts only for the action, payload, tenant and environment that the verifier itself
expects, before its expiry, with enough different persons of its own roster, none of them the maker,
none in a role that the maker granted, each with a valid assertion. A maker that is no person (an
API key) adds one to the approvals needed, so that as many people stand behind the act as otherwise.
Every refusal is a value with a stable code. One bad approval refuses the whole grant: nobody honest
sends one. Left to the caller: using a grant once (`Verified.once_key` names it).
Source: PCI DSS 4.0.1 requirement 7.2.3; NIST SP 800-53 AC-3(2), dual authorization.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from paywarden.cde_client.assertion import fault_of
from paywarden.cde_client.challenge import Subject, challenge
from paywarden.cde_client.messages import ApprovalGrant, SignedApproval
from paywarden.cde_client.roster import Member, PinnedRoster
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.kit.crypto.framing import framed

ONCE_DOMAIN: Final = b"paywarden.approval-once.v1"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the verifier is about to do, and what it asks for: none of it comes from the grant."""

    scope: Scope
    action: str
    payload_hash: bytes
    approvals: int
    approver_roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verified:
    """The grant holds: who approved, and the key under which its use is to be noted, once."""

    approvers: tuple[str, ...]
    once_key: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The grant does not hold; `code` is stable, `person` whom it is about."""

    code: str
    detail: str
    person: str | None = None


def verify(
    grant: ApprovalGrant, roster: PinnedRoster, now_us: int, expected: Expected
) -> Verified | Refused:
    """Verified or Refused; never raises for what a grant holds."""
    subject = _subject(grant)
    if subject is None:
        return Refused("grant_malformed", "the grant names a tenant that cannot exist")
    refusal = _other_act(subject, now_us, expected) or _bad_maker(subject, roster)
    if refusal is not None:
        return refusal
    approvers: list[str] = []
    for signed in grant.approvals:
        if signed.approver in approvers:
            return Refused("approver_repeated", "one person approved twice", signed.approver)
        refusal = fault_of_approval(signed, subject, roster, expected)
        if refusal is not None:
            return refusal
        approvers.append(signed.approver)
    needed = needed_approvals(expected.approvals, subject.maker)
    if len(approvers) < needed:
        return Refused("approvals_missing", f"{len(approvers)} of {needed} approvals")
    return Verified(tuple(approvers), _once_key(subject))


def fault_of_approval(
    signed: SignedApproval, subject: Subject, roster: PinnedRoster, expected: Expected
) -> Refused | None:
    """Why one approval does not count, or None; expiry and number are `verify`'s."""
    person = signed.approver
    if person == subject.maker:
        return Refused("approver_is_maker", "nobody approves what they asked for", person)
    member = roster.members.get(person)
    if member is None:
        return Refused("approver_unknown", "the approver is not on this roster", person)
    if not may_approve(member, subject.maker, expected.approver_roles):
        return Refused("approver_role", "no role that may approve this and is independent", person)
    key = member.keys.get(signed.assertion.credential_id)
    if key is None:
        return Refused("credential_unknown", "the passkey is not this person's", person)
    wanted = challenge(subject, person)
    fault = fault_of(signed.assertion, key, wanted, roster.relying_party)
    return Refused("assertion_invalid", fault, person) if fault else None


def needed_approvals(approvals: int, maker: str) -> int:
    """Approvals of different people that a request of `maker` needs."""
    return approvals if is_person(maker) else approvals + 1


def is_person(maker: str) -> bool:
    """Whether a maker is a person; else it is a key."""
    return maker.startswith(PersonId.prefix)


def may_approve(member: Member, maker: str, roles: frozenset[str]) -> bool:
    """Whether a member holds one of `roles` that the maker did not grant."""
    return any(held.role in roles and held.granted_by != maker for held in member.roles)


def _subject(grant: ApprovalGrant) -> Subject | None:
    try:
        return grant.subject
    except ValueError:
        return None


def _other_act(subject: Subject, now_us: int, expected: Expected) -> Refused | None:
    if subject.scope != expected.scope:
        return Refused("grant_other_scope", "the grant is for another tenant or environment")
    if subject.action != expected.action:
        return Refused("grant_other_action", "the grant is for another action")
    if not hmac.compare_digest(subject.payload_hash, expected.payload_hash):
        return Refused("grant_other_payload", "the grant is for another payload")
    if subject.expires_at_us <= now_us:
        return Refused("grant_expired", "the grant has expired")
    return None


def _bad_maker(subject: Subject, roster: PinnedRoster) -> Refused | None:
    if is_person(subject.maker) and subject.maker not in roster.members:
        return Refused("maker_unknown", "who asked is not on this roster", subject.maker)
    return None


def _once_key(subject: Subject) -> bytes:
    """Names the use of an approval, whatever grant it came in."""
    scope = subject.scope
    parts = (scope.tenant, scope.environment.value, subject.approval_id)
    return hashlib.sha256(framed(ONCE_DOMAIN, *(part.encode() for part in parts))).digest()
