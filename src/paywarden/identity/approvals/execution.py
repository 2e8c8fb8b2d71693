"""Doing what was approved: once, by the system, with the payload that was signed.

Guards: a catalogued act takes an `Approved`, and only this module makes one. It fits one scope,
action and payload; the act writes its own end (`settle`) into the unit of work of its effect, so
that effect and end are one commit: a crash before it leaves the request open, a crash after it
leaves it executed, and a second end is refused by the store. Without approvals an act is done only
in a test environment, at the first set-up, or in development while no roster is established; the
last two leave audit events that say so.
"""

from __future__ import annotations

import enum
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from paywarden.cde_client.challenge import hash_payload
from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, NotPermitted
from paywarden.core.scope import Scope
from paywarden.identity.approvals.model import Act, Request, Step
from paywarden.identity.approvals.ports import Store
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.db.unit import UnitOfWork

SYSTEM: Final = "system"
_SEAL: Final = object()


class Ground(enum.StrEnum):
    """Why an act may be done."""

    APPROVALS = "approvals"
    TEST = "test"
    DEVELOPMENT = "development"
    INSTALLATION = "installation"


@dataclass(frozen=True, slots=True)
class Maker:
    """Who asks: a person's or a key's id, and the roles held now."""

    actor: str
    roles: frozenset[str]

    @property
    def audit_actor(self) -> str:
        """`kind:identifier` for the audit log."""
        return audit_actor(self.actor)


@dataclass(frozen=True, slots=True)
class Notes:
    """Where an act's end is written."""

    store: Store
    audit: AuditLog
    clock: Clock


class Approved:
    """Permission to do one act once: scope, action and payload as they were approved."""

    __slots__ = ("_notes", "_payload_hash", "_request", "_settled", "action", "actor", "ground",
                 "scope")  # fmt: skip

    def __init__(
        self,
        seal: object,
        ground: Ground,
        scope: Scope,
        action: str,
        payload_hash: bytes,
        actor: str,
        notes: Notes,
        request: Request | None = None,
    ) -> None:
        if seal is not _SEAL:
            raise TypeError("an Approved is made by approvals alone")
        self.ground = ground
        self.scope = scope
        self.action = action
        self.actor = actor
        self._payload_hash = payload_hash
        self._request = request
        self._notes = notes
        self._settled = False

    def __reduce_ex__(self, _protocol: Any) -> Any:
        raise TypeError("an Approved cannot be copied")

    @property
    def audit_actor(self) -> str:
        """Who asked, as `kind:identifier` for the audit log."""
        return audit_actor(self.actor)

    @property
    def approvers(self) -> tuple[str, ...]:
        """Persons whose approvals stood when the act began; none on another ground."""
        if self._request is None:
            return ()
        return tuple(step.actor for step in self._request.approvals)

    @property
    def settled(self) -> bool:
        """Whether its end stands in a unit of work."""
        return self._settled

    def require(self, scope: Scope, action: str, payload: bytes) -> None:
        """Pass when this act was approved. Errors: NotPermitted `approved_for_another_act`."""
        fits = hmac.compare_digest(hash_payload(action, payload), self._payload_hash)
        if scope != self.scope or action != self.action or not fits:
            raise NotPermitted("approved_for_another_act", "something else was approved")

    def settle(self, unit: UnitOfWork) -> None:
        """Add the end of the request to the unit of the effect, once.

        Errors: Conflict `approval_expired` when time ran out meanwhile, `approval_used`.
        """
        if self._settled:
            raise Conflict("approval_used", "an approval is used once")
        now = self._notes.clock.now_us()
        if self._request is not None:
            self._end(unit, self._request, now)
        elif self.ground is not Ground.TEST:
            self._note_bypass(unit, now)
        self._settled = True

    def _end(self, unit: UnitOfWork, request: Request, now_us: int) -> None:
        asked = request.asked
        if asked.expires_at_us <= now_us:
            raise approval_expired()
        step = Step(request.next_number(), Act.EXECUTE, SYSTEM, now_us)
        self._notes.store.add_step(unit, self.scope, asked.approval_id, step)
        detail = {"approval_id": asked.approval_id.text, "action": self.action,
                  "payload_sha256": self._payload_hash.hex()}  # fmt: skip
        event = AuditEvent(
            self.scope, "approval:request:execute", audit_actor(SYSTEM), AuditOutcome.DONE,
            now_us, detail,
        )  # fmt: skip
        self._notes.audit.record(unit, event)

    def _note_bypass(self, unit: UnitOfWork, now_us: int) -> None:
        detail = {"action": self.action, "payload_sha256": self._payload_hash.hex()}
        event = AuditEvent(
            self.scope, f"approval:bypass:{self.ground.value}", audit_actor(self.actor),
            AuditOutcome.DONE, now_us, detail,
        )  # fmt: skip
        self._notes.audit.record(unit, event)


Executor = Callable[[Approved, bytes], Awaitable[Any]]
"""Does an act: takes the permission and the payload, returns what is told to who asked."""
Prepare = Callable[[Scope, bytes], bytes]
"""Makes the payload that is signed, kept and shown of the one that was sent: checked, and with
secrets sealed. Errors: InvalidRequest."""


class Executors:
    """What carries each action out, registered at wiring."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._by_action: dict[str, Executor] = {}
        self._prepare: dict[str, Prepare] = {}

    def register(self, action: str, executor: Executor, prepare: Prepare | None = None) -> None:
        """Say who carries `action` out. ValueError for a second one."""
        if action in self._by_action:
            raise ValueError(f"{action} has an executor")
        self._by_action[action] = executor
        if prepare is not None:
            self.prepare_by(action, prepare)

    def prepare_by(self, action: str, prepare: Prepare) -> None:
        """Say who checks the payload of `action` when it is asked for."""
        self._prepare[action] = prepare

    def prepared(self, scope: Scope, action: str, payload: bytes) -> bytes:
        """The payload as it is signed, kept and shown. Errors: InvalidRequest."""
        prepare = self._prepare.get(action)
        return payload if prepare is None else prepare(scope, payload)

    def knows(self, action: str) -> bool:
        """Whether this process carries the action out."""
        return action in self._by_action

    async def run(self, request: Request, payload: bytes) -> Any:
        """Carry out a request that the caller has alone and whose approvals it just verified."""
        asked = request.asked
        if not hmac.compare_digest(hash_payload(asked.action, payload), asked.payload_hash):
            raise Conflict("payload_differs", "the stored payload is not what was signed")
        approved = Approved(
            _SEAL, Ground.APPROVALS, asked.scope, asked.action, asked.payload_hash, asked.maker,
            self._notes, request,
        )  # fmt: skip
        return await self._run(approved, payload)

    async def run_without(
        self, ground: Ground, scope: Scope, action: str, payload: bytes, maker: Maker
    ) -> Any:
        """Carry out an act that no approval is needed for, on another ground."""
        if ground is Ground.APPROVALS:
            raise ValueError("approvals come with a request")
        payload = self.prepared(scope, action, payload)
        digest = hash_payload(action, payload)
        approved = Approved(_SEAL, ground, scope, action, digest, maker.actor, self._notes)
        return await self._run(approved, payload)

    async def _run(self, approved: Approved, payload: bytes) -> Any:
        result = await self._by_action[approved.action](approved, payload)
        if not approved.settled:
            raise RuntimeError(f"the executor of {approved.action} did not settle its approval")
        return result


def audit_actor(actor: str) -> str:
    """`kind:identifier` of a person, a key or a part of the house."""
    kind = {"psn_": "person", "key_": "key"}.get(actor[:4], "process")
    return f"{kind}:{actor}"


def approval_expired() -> Conflict:
    """Time ran out."""
    return Conflict("approval_expired", "the request has expired; ask again")
