"""What asking, deciding and doing share: the request as it stands, one step at a time, its audit.

Guards: whoever changes a request has it alone, reads it anew, and goes on to the end even when the
caller hangs up; so two steps never take one number and nothing is decided on an old reading. One
process writes (the writer's lock), hence a set in memory is enough; the store's keys are the net
below it. Each step is one unit of work with its audit event.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn, TypeVar

from paywarden.cde_client.grants import may_approve
from paywarden.cde_client.roster import PinnedRoster, RelyingParty
from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, InvalidRequest, NotFound, NotPermitted
from paywarden.core.identifiers import ApprovalId
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import Action
from paywarden.identity.approvals.execution import Notes, approval_expired, audit_actor
from paywarden.identity.approvals.model import REASON_LIMIT, Act, Request, State, Step
from paywarden.identity.approvals.ports import Store
from paywarden.identity.approvals.standing import Standing, expected_of, pinned, standing
from paywarden.identity.ports import Committer, Roster
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork

T = TypeVar("T")


@dataclass(slots=True)
class Desk:
    """The stores and the clock, and the way in which every step is taken."""

    store: Store
    roster: Roster
    writer: Committer
    audit: AuditLog
    clock: Clock
    party: RelyingParty
    catalogue: Mapping[str, Action]
    _busy: set[asyncio.Task[object]] = field(default_factory=set)
    _held: set[tuple[Scope, ApprovalId]] = field(default_factory=set)

    @property
    def notes(self) -> Notes:
        """Where ends are written."""
        return Notes(self.store, self.audit, self.clock)

    def row(self, action: str) -> Action:
        """The catalogue's row. Errors: NotFound `action_unknown`."""
        found = self.catalogue.get(action)
        if found is None:
            raise NotFound("action_unknown", "the catalogue of approvals has no such action")
        return found

    def find(self, scope: Scope, approval_id: str) -> Request:
        """A request. Errors: NotFound."""
        try:
            found = self.store.find(scope, ApprovalId.parse(approval_id))
        except ValueError:
            found = None
        if found is None:
            raise NotFound("approval_not_found", "no such request in this tenant and environment")
        return found

    def pinned(self, scope: Scope) -> PinnedRoster:
        """The roster of now as the verifier takes it."""
        return pinned(self.roster, scope, self.party, self.clock.now_us())

    def standing(self, request: Request) -> Standing:
        """Where a request stands now."""
        asked = request.asked
        return standing(
            request, self.row(asked.action), self.pinned(asked.scope), self.clock.now_us()
        )

    async def alone(
        self, scope: Scope, approval_id: str, act: Callable[[Request], Awaitable[T]]
    ) -> T:
        """Run `act` over the open request, with nobody beside it. Errors: NotFound, Conflict."""
        asked = self.find(scope, approval_id).asked
        name = (scope, asked.approval_id)
        if name in self._held:
            raise Conflict("approval_busy", "the request is being worked on; look at it again")
        self._held.add(name)
        task = asyncio.ensure_future(self._alone(name, act))
        self._busy.add(task)
        task.add_done_callback(self._done)
        return await asyncio.shield(task)

    async def expire(self, scope: Scope, approval_id: str) -> None:
        """Take the step that ends an outdated request; somebody else may have ended it already."""

        async def act(_request: Request) -> None:
            return None  # not outdated after all

        with contextlib.suppress(Conflict):
            await self.alone(scope, approval_id, act)

    async def add(
        self,
        request: Request,
        act: Act,
        actor: str,
        *,
        reason: str = "",
        unit: UnitOfWork | None = None,
        step: Step | None = None,
    ) -> Request:
        """Take a step durably; the request after it. `step` brings a method and an assertion."""
        if len(reason) > REASON_LIMIT:
            raise InvalidRequest("approval_request_invalid", "the reason is too long")
        taken = step or self.step(request, act, actor, reason)
        asked, unit = request.asked, unit or UnitOfWork()
        self.store.add_step(unit, asked.scope, asked.approval_id, taken)
        self.note(unit, request, act.value, actor)
        await self.writer.commit(unit)
        return replace(request, steps=(*request.steps, taken))

    def step(self, request: Request, act: Act, actor: str, reason: str = "") -> Step:
        """The next step of a request."""
        return Step(request.next_number(), act, actor, self.clock.now_us(), reason=reason)

    async def refuse(self, request: Request, person: str, detail: str) -> NoReturn:
        """Record an approval that was not accepted, then say so. Errors: NotPermitted."""
        unit = UnitOfWork()
        self.note(unit, request, Act.APPROVE.value, person, AuditOutcome.REFUSED, detail)
        await self.writer.commit(unit)
        raise NotPermitted("approval_refused", detail).noting()

    def must_be_independent(self, request: Request, person: str) -> None:
        """NotPermitted unless `person` could approve, or reject, this request."""
        asked = request.asked
        if person == asked.maker:
            raise NotPermitted("approval_own", "nobody approves what they asked for")
        member = self.pinned(asked.scope).members.get(person)
        roles = expected_of(request, self.row(asked.action)).approver_roles
        if member is None or not may_approve(member, asked.maker, roles):
            raise NotPermitted("approval_role", "you hold no independent role to approve this")

    def note(
        self,
        unit: UnitOfWork,
        request: Request,
        act: str,
        actor: str,
        outcome: AuditOutcome = AuditOutcome.DONE,
        why: str | None = None,
    ) -> None:
        """Add the audit event of a step to its unit."""
        asked = request.asked
        detail = {"approval_id": asked.approval_id.text, "action": asked.action,
                  "payload_sha256": asked.payload_hash.hex()}  # fmt: skip
        if why is not None:
            detail["why"] = why
        event = AuditEvent(
            asked.scope, f"approval:request:{act}", audit_actor(actor), outcome,
            self.clock.now_us(), detail,
        )  # fmt: skip
        self.audit.record(unit, event)

    async def _alone(
        self, name: tuple[Scope, ApprovalId], act: Callable[[Request], Awaitable[T]]
    ) -> T:
        try:
            request = self.find(name[0], name[1].text)
            if request.state is not State.OPEN:
                raise Conflict("approval_closed", f"the request is {request.state}")
            if request.asked.expires_at_us <= self.clock.now_us():
                await self.add(request, Act.EXPIRE, "system")
                raise approval_expired()
            return await act(request)
        finally:
            self._held.discard(name)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._busy.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked has it; if they hung up, the audit log tells the rest
