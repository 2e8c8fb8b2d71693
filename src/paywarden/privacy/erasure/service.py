"""Erasing a person: the approved act, and carrying it out again when a backup brought a key back.

Guards: no key ends without an `Approved` of `subject.erase`. Order: one commit writes the end of
the approval, the record of the erasure with the key's id, and its leaf; then the key is destroyed.
A crash between the two, or a key database that was put back later, is made good at the next start
from the record, before anybody can read. Only the recorded key ends: a person who came back since
has another one. The log, its proofs and windows do not change, for they hold ciphertext and keyed
digests. Not done here: naming subjects (`decision.subject_names`), how a key leaves its file
(`kit.stores.sqlite_subject_keys`). There is no hold yet: whoever must keep data by law refuses the
approval. Source: GDPR art. 17; PIPL art. 47.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from paywarden.core.clock import Clock
from paywarden.core.errors import InvalidRequest, NotFound, PaywardenError
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import SUBJECT_ERASE
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.ports import Committer
from paywarden.kit.audit import AuditEvent, AuditLog, AuditOutcome
from paywarden.kit.crypto.ports import ErasableKeys
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.log import logger
from paywarden.privacy.erasure.messages import ErasureView, erasure_view
from paywarden.privacy.erasure.model import Erasure, ErasurePayload, Standing, State
from paywarden.privacy.erasure.ports import Store

SYSTEM: Final = "process:erasure"
BATCH: Final = 1_000
"""Leaves of one commit when erasures are carried out again."""


class Erasures:
    """Use cases over keys, record and log; `on_erased` drops what is kept at hand of a scope."""

    def __init__(
        self,
        keys: ErasableKeys,
        store: Store,
        committer: Committer,
        audit: AuditLog,
        clock: Clock,
        on_erased: Callable[[Scope], None] = lambda _scope: None,
    ) -> None:
        self._keys = keys
        self._store = store
        self._committer = committer
        self._audit = audit
        self._clock = clock
        self._on_erased = on_erased
        self._unfinished: set[Erasure] = set()

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries this act out."""
        approvals.register(SUBJECT_ERASE, self.erase, self.prepared)

    def standings(self, scope: Scope, subjects: Iterable[str]) -> list[Standing]:
        """How subjects stand."""
        return [self._standing(scope, one) for one in subjects]

    def prepared(self, scope: Scope, payload: bytes) -> bytes:
        """The payload, checked. Errors: InvalidRequest, NotFound `subject_unknown`."""
        subjects = _subjects(payload)
        if all(one.state is not State.KNOWN for one in self.standings(scope, subjects)):
            raise NotFound("subject_unknown", "nothing is sealed for these subjects")
        return payload

    async def erase(self, approved: Approved, payload: bytes) -> ErasureView:
        """End the keys that the payload names; how its subjects stand then.

        Errors: InvalidRequest, NotPermitted `approved_for_another_act`, Conflict, Unavailable.
        """
        scope = approved.scope
        approved.require(scope, SUBJECT_ERASE, payload)
        subjects, now, unit = _subjects(payload), self._clock.now_us(), UnitOfWork()
        approved.settle(unit)
        ended = [
            Erasure(scope, one.subject, one.key_id, now)
            for one in self.standings(scope, subjects)
            if one.state is State.KNOWN and one.key_id is not None
        ]
        for erasure in ended:
            self._store.add(unit, erasure)
            self._note(unit, erasure, "privacy:subject:erase", approved.audit_actor, now)
        await self._committer.commit(unit)
        self._unfinished.update(ended)
        await self.finish()
        return erasure_view(self.standings(scope, subjects))

    async def finish(self) -> None:
        """Destroy the keys of recorded erasures that wait for it; what fails waits on."""
        for erasure in list(self._unfinished):
            try:
                await asyncio.to_thread(self._destroy, erasure)
                self._on_erased(erasure.scope)
            except PaywardenError as fault:  # it is recorded: the next round or start goes on
                logger().error("erasure_unfinished", code=fault.code)

    async def carry_out_again(self) -> int:
        """After a start: destroy recorded keys that an older key database brought back; how many.

        The newest erasure is folded again too, in case the process ended before that.
        """
        missed, newest = await asyncio.to_thread(self._missed)
        now = self._clock.now_us()
        for start in range(0, len(missed), BATCH):
            unit = UnitOfWork()
            for erasure in missed[start : start + BATCH]:
                self._note(unit, erasure, "privacy:subject:erase_again", SYSTEM, now)
            await self._committer.commit(unit)
        self._unfinished.update(missed, newest)
        await self.finish()
        if missed:
            logger().warning("erasures_carried_out_again", count=len(missed))
        return len(missed)

    def _standing(self, scope: Scope, subject: str) -> Standing:
        key_id = self._keys.key_of(scope, subject)
        return Standing(subject, key_id, self._store.last_of(scope, subject))

    def _missed(self) -> tuple[list[Erasure], list[Erasure]]:
        """(erasures that the key database does not know of, the newest one)."""
        missed, newest = [], None
        for erasure in self._store.all():
            if self._keys.erased_at_us(erasure.key_id) is None:
                missed.append(erasure)
            if newest is None or newest.at_us <= erasure.at_us:
                newest = erasure
        return missed, [] if newest is None else [newest]

    def _destroy(self, erasure: Erasure) -> None:
        self._keys.erase(erasure.scope, erasure.subject, erasure.key_id, erasure.at_us)
        self._unfinished.discard(erasure)

    def _note(
        self, unit: UnitOfWork, erasure: Erasure, action: str, actor: str, now_us: int
    ) -> None:
        """The leaf: kinds and hashes, by which whoever knows subject or key finds it."""
        detail = {
            "kind": erasure.subject.partition("-")[0],
            "subject_sha256": hashlib.sha256(erasure.subject.encode()).hexdigest(),
            "key_sha256": hashlib.sha256(erasure.key_id).hexdigest(),
        }
        event = AuditEvent(erasure.scope, action, actor, AuditOutcome.DONE, now_us, detail)
        self._audit.record(unit, event)


def _subjects(payload: bytes) -> Sequence[str]:
    try:
        wanted = _PAYLOAD.decode(payload)
    except msgspec.DecodeError:
        wanted = None
    if wanted is None or payload != ErasurePayload(_in_order(wanted)).payload():
        raise InvalidRequest("approval_request_invalid", "name subjects in rising order, each once")
    return wanted.subjects


def _in_order(wanted: ErasurePayload) -> tuple[str, ...]:
    return tuple(sorted(set(wanted.subjects)))


_PAYLOAD: Final = msgspec.json.Decoder(ErasurePayload)
