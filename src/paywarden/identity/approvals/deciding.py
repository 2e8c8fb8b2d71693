"""Approving, taking back, rejecting, cancelling: the steps of people.

Guards: a passkey signs the hash of what is approved, and its counter may only rise (a copied key
falls behind); a one-time code binds no payload and counts for low risk alone, and is spent in the
commit of the step that it proves, so that it works once. An approval that is
refused leaves an audit event. Not done here: doing what was approved (`service`), whose codes and
sessions are whose (sign-in).
"""

from __future__ import annotations

from dataclasses import replace

from paywarden.cde_client.challenge import challenge
from paywarden.cde_client.grants import fault_of_approval
from paywarden.cde_client.messages import Assertion, SignedApproval
from paywarden.core.errors import Conflict, NotPermitted
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity.approvals.desk import Desk
from paywarden.identity.approvals.model import STEPS_LIMIT, Act, Method, Request
from paywarden.identity.approvals.ports import CodeCheck
from paywarden.identity.approvals.standing import expected_of
from paywarden.kit.db.unit import UnitOfWork

_COUNTER = slice(33, 37)


class Deciding:
    """What people do to an open request. Every method: NotFound, NotPermitted, Conflict."""

    def __init__(self, desk: Desk, codes: CodeCheck | None) -> None:
        self._desk = desk
        self._codes = codes

    def to_sign(
        self, scope: Scope, approval_id: str, person: str
    ) -> tuple[bytes, tuple[bytes, ...]]:
        """(the challenge that `person` signs, ids of the passkeys that may)."""
        request = self._desk.find(scope, approval_id)
        self._desk.must_be_independent(request, person)
        member = self._desk.roster.member(scope, PersonId(person))
        keys = () if member is None else tuple(one.credential_id for one in member.passkeys)
        return challenge(request.asked.subject, person), keys

    async def approve(
        self, scope: Scope, approval_id: str, person: str, assertion: Assertion
    ) -> Request:
        """Approve with a passkey. Errors: NotPermitted `approval_refused`."""

        async def act(request: Request) -> Request:
            _not_twice(request, person)
            fault = self._fault(request, person, assertion)
            if fault is not None:
                await self._desk.refuse(request, person, fault)
            unit = UnitOfWork()
            self._desk.roster.stage_passkey_use(
                unit, scope, assertion.credential_id, _counter(assertion)
            )
            step = replace(
                self._desk.step(request, Act.APPROVE, person),
                method=Method.PASSKEY,
                assertion=assertion,
            )
            return await self._desk.add(request, Act.APPROVE, person, unit=unit, step=step)

        return await self._desk.alone(scope, approval_id, act)

    async def approve_by_code(
        self, scope: Scope, approval_id: str, person: str, code: str
    ) -> Request:
        """Approve an act of low risk with a fresh one-time code.

        Errors: NotPermitted `approval_needs_passkey`, `approval_refused`.
        """

        async def act(request: Request) -> Request:
            _not_twice(request, person)
            self._desk.must_be_independent(request, person)
            if not self._desk.row(request.asked.action).by_code or self._codes is None:
                raise NotPermitted(
                    "approval_needs_passkey", "a code binds no payload: approve with a passkey"
                )

            async def take(unit: UnitOfWork) -> Request:
                step = replace(self._desk.step(request, Act.APPROVE, person), method=Method.CODE)
                return await self._desk.add(request, Act.APPROVE, person, unit=unit, step=step)

            taken = await self._codes.spending(scope, PersonId(person), Secret(code), take)
            return taken or await self._desk.refuse(request, person, "the code is not valid")

        return await self._desk.alone(scope, approval_id, act)

    async def withdraw(self, scope: Scope, approval_id: str, person: str, reason: str) -> Request:
        """Take one's own approval back before the act is done."""

        async def act(request: Request) -> Request:
            if not any(step.actor == person for step in request.approvals):
                raise Conflict("approval_not_given", "you have not approved this")
            return await self._desk.add(request, Act.WITHDRAW, person, reason=reason)

        return await self._desk.alone(scope, approval_id, act)

    async def reject(self, scope: Scope, approval_id: str, person: str, reason: str) -> Request:
        """End a request as one who could approve it."""

        async def act(request: Request) -> Request:
            self._desk.must_be_independent(request, person)
            return await self._desk.add(request, Act.REJECT, person, reason=reason)

        return await self._desk.alone(scope, approval_id, act)

    async def cancel(self, scope: Scope, approval_id: str, maker: str, reason: str) -> Request:
        """End a request as its maker."""

        async def act(request: Request) -> Request:
            if maker != request.asked.maker:
                raise NotPermitted("approval_not_yours", "only who asked for it cancels it")
            return await self._desk.add(request, Act.CANCEL, maker, reason=reason)

        return await self._desk.alone(scope, approval_id, act)

    def _fault(self, request: Request, person: str, assertion: Assertion) -> str | None:
        """Why the assertion does not count, or None."""
        asked = request.asked
        expected = expected_of(request, self._desk.row(asked.action))
        signed = SignedApproval(person, assertion)
        fault = fault_of_approval(signed, asked.subject, self._desk.pinned(asked.scope), expected)
        if fault is not None:
            return fault.detail
        member = self._desk.roster.member(asked.scope, PersonId(person))
        known = {} if member is None else {one.credential_id: one for one in member.passkeys}
        seen, given = known[assertion.credential_id].sign_count, _counter(assertion)
        if given <= seen and (given or seen):
            return "the counter of the passkey went back: was it copied?"
        return None


def _counter(assertion: Assertion) -> int:
    """The authenticator's signature counter; 0 of one that keeps none (WebAuthn 6.1.1)."""
    return int.from_bytes(assertion.authenticator_data[_COUNTER], "big")


def _not_twice(request: Request, person: str) -> None:
    if any(step.actor == person for step in request.approvals):
        raise Conflict("approval_repeated", "you have approved this already")
    if len(request.steps) >= STEPS_LIMIT:
        raise Conflict("approval_worn_out", "too much back and forth; ask again")
