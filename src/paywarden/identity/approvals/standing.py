"""Where an open request stands now: which approvals count, and whether they are enough.

Guards: nothing stored says "approved". Every approval is verified again with the roster of now: a
role withdrawn, a passkey removed or a person disabled since then takes the approval's weight away.
The verifier is the one that other processes use (`paywarden.cde_client`).
"""

from __future__ import annotations

from dataclasses import dataclass

from paywarden.cde_client.grants import (
    Expected,
    Verified,
    fault_of_approval,
    may_approve,
    needed_approvals,
    verify,
)
from paywarden.cde_client.messages import ApprovalGrant, SignedApproval
from paywarden.cde_client.roster import Member, PinnedRoster, RelyingParty, RoleHeld
from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import Action, Risk
from paywarden.identity.approvals.model import Method, Request, State, Step
from paywarden.identity.ports import Roster

BOOTSTRAP = "bootstrap"


@dataclass(frozen=True, slots=True)
class Standing:
    """Approvals that count, how many are needed, and from when the act may be done (None: not)."""

    counting: tuple[Step, ...]
    needed: int
    ripe_at_us: int | None


def pinned(roster: Roster, scope: Scope, party: RelyingParty, now_us: int) -> PinnedRoster:
    """The house's roster as the verifier takes it: active people, live grants, their passkeys."""
    members = {}
    for one in roster.members(scope):
        if not one.active:
            continue
        keys = {passkey.credential_id: passkey.public_key for passkey in one.passkeys}
        roles = tuple(
            RoleHeld(
                grant.role,
                BOOTSTRAP if grant.granted_by is None else grant.granted_by.text,
                grant.granted_at_us,
            )
            for grant in one.grants
            if grant.live_at(now_us)
        )
        members[one.person.text] = Member(one.person.text, keys, roles)
    return PinnedRoster(party, members)


def expected_of(request: Request, row: Action) -> Expected:
    """What the catalogue asks of the approvals of a request."""
    asked = request.asked
    approvers = frozenset(role.value for role in row.approvers)
    return Expected(asked.scope, asked.action, asked.payload_hash, row.approvals, approvers)


def standing(request: Request, row: Action, roster: PinnedRoster, now_us: int) -> Standing:
    """Where the request stands at `now_us`."""
    asked = request.asked
    needed = needed_approvals(row.approvals, asked.maker) if row.key_adds else row.approvals
    if request.state is not State.OPEN or asked.expires_at_us <= now_us:
        return Standing((), needed, None)
    counting = tuple(step for step in request.approvals if _counts(step, request, row, roster))
    if len(counting) < needed or not _verified(request, row, roster, counting, now_us):
        return Standing(counting, needed, None)
    completed_us = sorted(step.at_us for step in counting)[needed - 1]
    return Standing(counting, needed, completed_us + row.cooling_seconds * MICROSECONDS)


def grant_of(request: Request, counting: tuple[Step, ...]) -> ApprovalGrant:
    """The signed grant: what another process verifies. Codes are no signatures and stay out."""
    asked = request.asked
    signed = [
        SignedApproval(step.actor, step.assertion)
        for step in counting
        if step.assertion is not None
    ]
    return ApprovalGrant(
        asked.approval_id.text,
        asked.scope.tenant,
        asked.scope.environment.value,
        asked.action,
        asked.payload_hash,
        asked.expires_at_us,
        asked.maker,
        signed,
    )


def _counts(step: Step, request: Request, row: Action, roster: PinnedRoster) -> bool:
    if step.method is Method.CODE:
        return row.by_code and _may(step.actor, request, row, roster)
    if step.assertion is None:
        return False
    signed = SignedApproval(step.actor, step.assertion)
    fault = fault_of_approval(signed, request.asked.subject, roster, expected_of(request, row))
    return fault is None


def _may(person: str, request: Request, row: Action, roster: PinnedRoster) -> bool:
    member, maker = roster.members.get(person), request.asked.maker
    if member is None or person == maker:
        return False
    return may_approve(member, maker, expected_of(request, row).approver_roles)


def _verified(
    request: Request, row: Action, roster: PinnedRoster, counting: tuple[Step, ...], now_us: int
) -> bool:
    """Beyond low risk the whole grant has to pass the verifier, as it would elsewhere."""
    if row.risk is Risk.LOW:
        return True
    grant = grant_of(request, counting)
    return isinstance(verify(grant, roster, now_us, expected_of(request, row)), Verified)
