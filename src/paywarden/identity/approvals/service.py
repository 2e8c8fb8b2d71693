"""The one door to catalogued acts: ask for them, and have them done once they are approved.

Guards: an act is done on approvals or not at all, except on the grounds that `execution` names. Who
may ask is checked when they ask and again when the act is done; who approved, each time. Not done
here: the steps of approvers (`deciding`), the bootstrap of the first three people (sign-in).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from paywarden.cde_client.challenge import hash_payload
from paywarden.cde_client.grants import is_person
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.cde_client.roster import RelyingParty
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound, NotPermitted
from paywarden.core.identifiers import ApprovalId
from paywarden.core.instants import MICROSECONDS
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import CATALOGUE, Action
from paywarden.identity.approvals.catalogue import Executor as Where
from paywarden.identity.approvals.deciding import Deciding
from paywarden.identity.approvals.desk import Desk
from paywarden.identity.approvals.execution import Executor, Executors, Ground, Maker, Prepare
from paywarden.identity.approvals.model import PAYLOAD_LIMIT_OCTETS, REASON_LIMIT, Asked, Request
from paywarden.identity.approvals.ports import CodeCheck, Store
from paywarden.identity.approvals.standing import Standing, grant_of
from paywarden.identity.ports import Committer, Roster
from paywarden.kit.audit import AuditLog
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger

OPEN_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Done:
    """The act was done at once; `result` is its executor's."""

    result: Any


@dataclass(frozen=True, slots=True)
class Waiting:
    """The act waits for approvals."""

    request: Request


class Approvals:
    """Asks, shows and does; `deciding` holds the steps of approvers."""

    def __init__(
        self,
        store: Store,
        roster: Roster,
        writer: Committer,
        audit: AuditLog,
        clock: Clock,
        randomness: Randomness,
        party: RelyingParty,
        *,
        development: bool,
        codes: CodeCheck | None = None,
        catalogue: Mapping[str, Action] = CATALOGUE,
    ) -> None:
        self._desk = Desk(store, roster, writer, audit, clock, party, catalogue)
        self._randomness = randomness
        self._development = development
        self._executors = Executors(self._desk.notes)
        self.deciding = Deciding(self._desk, codes)

    @property
    def party(self) -> RelyingParty:
        """For whom passkeys sign."""
        return self._desk.party

    def register(self, action: str, executor: Executor, prepare: Prepare | None = None) -> None:
        """Say who carries `action` out in this process, and who checks its payload when asked."""
        self._desk.row(action)
        self._executors.register(action, executor, prepare)

    def register_elsewhere(self, action: str, prepare: Prepare) -> None:
        """Say who checks the payload of an act that another process carries out."""
        if self._desk.row(action).executor is Where.HOUSE:
            raise ValueError(f"{action} is carried out here")
        self._executors.prepare_by(action, prepare)

    # --- asking ---------------------------------------------------------------------------

    def waits(self, scope: Scope, action: str) -> bool:
        """Whether `perform` asks for approval here."""
        return self._ground(scope, self._desk.row(action)) is None

    async def perform(
        self, scope: Scope, action: str, payload: bytes, maker: Maker, reason: str
    ) -> Done | Waiting:
        """Do an act where it needs no approval, else ask for it. Errors: as `request`."""
        ground = self._ground(scope, self._desk.row(action))
        if ground is None:
            return Waiting(await self.request(scope, action, payload, maker, reason))
        return Done(await self._without(ground, scope, action, payload, maker))

    async def install(self, scope: Scope, action: str, payload: bytes, actor: str) -> Any:
        """Do an act at the first set-up. Errors: NotPermitted once a roster is established."""
        ground = self._ground(scope, self._desk.row(action))
        if ground is None and self._desk.roster.established(scope):
            raise NotPermitted("approval_needed", "people are enrolled: ask for approval")
        maker = Maker(actor, frozenset())
        return await self._without(ground or Ground.INSTALLATION, scope, action, payload, maker)

    async def request(
        self, scope: Scope, action: str, payload: bytes, maker: Maker, reason: str
    ) -> Request:
        """Ask for approval. Errors: NotFound, NotPermitted, InvalidRequest, LimitExceeded."""
        row = self._desk.row(action)
        if not maker.roles & row.makers:
            raise NotPermitted("approval_maker", "your role may not ask for this")
        if row.executor is Where.HOUSE and not self._executors.knows(action):
            raise NotFound("action_unavailable", "nothing here carries this action out")
        payload = self._executors.prepared(scope, action, payload)
        if len(payload) > PAYLOAD_LIMIT_OCTETS or not 0 < len(reason) <= REASON_LIMIT:
            raise InvalidRequest("approval_request_invalid", "give a reason, and a smaller payload")
        if len(self.page(scope, "", OPEN_LIMIT, only_open=True)) >= OPEN_LIMIT:
            raise LimitExceeded("approvals_full", "too many requests are open; settle some first")
        now = self._desk.clock.now_us()
        asked = Asked(
            ApprovalId.new(self._randomness), scope, action, hash_payload(action, payload),
            maker.actor, reason, now, now + row.expiry_seconds * MICROSECONDS,
        )  # fmt: skip
        unit = UnitOfWork()
        self._desk.store.add(unit, asked, payload)
        self._desk.note(unit, Request(asked), "open", maker.actor)
        await self._desk.writer.commit(unit)
        return Request(asked)

    # --- looking --------------------------------------------------------------------------

    def find(self, scope: Scope, approval_id: str) -> Request:
        """A request. Errors: NotFound."""
        return self._desk.find(scope, approval_id)

    def page(self, scope: Scope, after: str, limit: int, *, only_open: bool) -> Sequence[Request]:
        """Requests, newest first."""
        return self._desk.store.page(scope, after, limit, only_open=only_open)

    def open_for(self, scope: Scope, action: str, payload: bytes) -> Request | None:
        """The newest request that waits for just this, or None."""
        digest, now = hash_payload(action, payload), self._desk.clock.now_us()
        for one in self.page(scope, "", OPEN_LIMIT, only_open=True):
            if one.asked.payload_hash == digest and one.asked.expires_at_us > now:
                return one
        return None

    def payload(self, request: Request) -> bytes | None:
        """What is asked for, while the request is open."""
        return self._desk.store.payload(request.asked.scope, request.asked.approval_id)

    def standing(self, request: Request) -> Standing:
        """Where a request stands now."""
        return self._desk.standing(request)

    def grant(self, request: Request) -> ApprovalGrant:
        """The signed grant of an approved request, for another process. Errors: Conflict."""
        return grant_of(request, self._ripe(request).counting)

    # --- doing ----------------------------------------------------------------------------

    async def execute(self, scope: Scope, approval_id: str, actor: str) -> Any:
        """Have an approved act done, once; what its executor says. Errors: NotPermitted, Conflict.

        Only who asked has it done: what comes back may be for their eyes alone (a new key).
        """

        async def act(request: Request) -> Any:
            asked = request.asked
            self._must_be_maker(request, actor)
            if self._desk.row(asked.action).executor is not Where.HOUSE:
                raise Conflict("approval_executed_elsewhere", "take the grant where it is used")
            self._ripe(request)
            payload = self.payload(request)
            if payload is None:
                raise Conflict("approval_closed", "the request has ended")
            return await self._executors.run(request, payload)

        return await self._desk.alone(scope, approval_id, act)

    async def expire_due(self, scope: Scope) -> None:
        """End the open requests whose time ran out, each with its step and audit event."""
        now = self._desk.clock.now_us()
        for one in self.page(scope, "", OPEN_LIMIT, only_open=True):
            if one.asked.expires_at_us <= now:
                await self._desk.expire(scope, one.asked.approval_id.text)

    # --- inside ---------------------------------------------------------------------------

    def _ground(self, scope: Scope, row: Action) -> Ground | None:
        """On what an act may be done without approval; None when it may not."""
        if scope.environment not in row.environments:
            return Ground.TEST
        if self._development and not self._desk.roster.established(scope):
            return Ground.DEVELOPMENT
        return None

    async def _without(
        self, ground: Ground, scope: Scope, action: str, payload: bytes, maker: Maker
    ) -> Any:
        if ground is not Ground.TEST:
            logger().warning("approval_bypassed", action=action, ground=ground.value)
        return await self._executors.run_without(ground, scope, action, payload, maker)

    def _ripe(self, request: Request) -> Standing:
        stands = self._desk.standing(request)
        if stands.ripe_at_us is None:
            count, needed = len(stands.counting), stands.needed
            raise Conflict("approvals_missing", f"{count} of {needed} approvals count now")
        if stands.ripe_at_us > self._desk.clock.now_us():
            raise Conflict("approval_cooling", "the cooling time is not over")
        return stands

    def _must_be_maker(self, request: Request, actor: str) -> None:
        """NotPermitted unless `actor` asked for it and may still ask for such things."""
        asked = request.asked
        if actor != asked.maker:
            raise NotPermitted("approval_not_yours", "only who asked for it has it done")
        if is_person(actor):
            member = self._desk.pinned(asked.scope).members.get(actor)
            held = {one.role for one in member.roles} if member is not None else set()
            if not held & self._desk.row(asked.action).makers:
                raise NotPermitted("approval_maker", "your role may not ask for this any more")
