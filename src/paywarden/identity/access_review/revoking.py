"""Taking away what a review found unneeded: the act `access.revoke`, once others approved.

Guards: the payload names review, item, kind, subject and role, so that who approves sees what they
sign; only an item that a reviewer objected to is carried out, once; effect, end of the approval and
end of the item are one commit. Roles end with the person's sessions, keys at once, an account
without roles is disabled; a certificate is released, but never the last one of a live key.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import msgspec

from paywarden.core.errors import Conflict, InvalidRequest
from paywarden.core.identifiers import PersonId
from paywarden.core.scope import Scope
from paywarden.identity.access_review.model import (
    Item,
    Kind,
    Review,
    ReviewId,
    Snapshot,
    Verdict,
)
from paywarden.identity.access_review.ports import HeldKeys, Store
from paywarden.identity.approvals.catalogue import ACCESS_REVOKE
from paywarden.identity.approvals.execution import Approved
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.directory import Directory
from paywarden.identity.permissions.model import Role
from paywarden.identity.ports import Committer, Grants
from paywarden.kit.db.unit import UnitOfWork


class RevokePayload(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Payload of `access.revoke`."""

    item: int
    kind: Kind
    review: str
    role: str
    subject: str

    @classmethod
    def of(cls, review: Review, item: Item) -> Self:
        """The payload that takes away what an item is about."""
        found = item.found
        return cls(item.number, found.kind, review.review.text, found.role, found.subject)

    def payload(self) -> bytes:
        """What is signed."""
        return msgspec.json.encode(self, order="sorted")


class RevokeActs:
    """Executor over the stores of people and keys."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        grants: Grants,
        keys: HeldKeys,
        committer: Committer,
    ) -> None:
        self._store = store
        self._directory = directory
        self._grants = grants
        self._keys = keys
        self._committer = committer

    def register(self, approvals: Approvals) -> None:
        """Tell approvals who carries this act out."""
        approvals.register(ACCESS_REVOKE, self.revoke)

    async def revoke(self, approved: Approved, payload: bytes) -> dict[str, str | int]:
        """Take the access away. Errors: InvalidRequest, Conflict `access_review_item_settled`."""
        approved.require(approved.scope, ACCESS_REVOKE, payload)
        review, item = self._wanted(approved.scope, payload)
        unit = UnitOfWork()
        approved.settle(unit)
        self._take_away(unit, approved, item)
        now = self._directory.now_us()
        self._store.decide(unit, review, replace(item, done_at_us=now))
        self._directory.note(
            unit, approved.scope, "access:item:revoke", approved.audit_actor,
            review=review.review.text, item=item.number, subject=item.found.subject,
        )  # fmt: skip
        await self._committer.commit(unit)
        return {"review": review.review.text, "item": item.number}

    def _wanted(self, scope: Scope, payload: bytes) -> tuple[Review, Item]:
        try:
            wanted = msgspec.json.decode(payload, type=RevokePayload)
            review = self._store.find(scope, ReviewId.parse(wanted.review))
        except ValueError:
            review = None
        item = None if review is None else self._store.item(scope, review.review, wanted.item)
        if review is None or item is None or RevokePayload.of(review, item) != wanted:
            raise InvalidRequest("approval_request_invalid", "no item of a review reads like this")
        if item.verdict is not Verdict.REVOKE or item.settled or not review.open:
            raise Conflict("access_review_item_settled", "nobody objects to this item now")
        return review, item

    def _take_away(self, unit: UnitOfWork, approved: Approved, item: Item) -> None:
        scope, found, actor = approved.scope, item.found, approved.audit_actor
        taking = {
            Kind.API_KEY: self._end_key,
            Kind.SIGNING_KEY: self._end_signing_key,
            Kind.CERTIFICATE: self._release,
        }.get(found.kind)  # fmt: skip
        if taking is not None:
            taking(unit, scope, found, actor)
            return
        person = PersonId.parse(found.subject)
        if found.kind is Kind.ACCOUNT:
            self._directory.stage_disabling(unit, scope, person, actor)
            return
        role = Role.BREAK_GLASS.value if found.kind is Kind.BREAK_GLASS else found.role
        self._grants.stage_withdrawal(unit, scope, person, role)
        self._directory.note(
            unit, scope, "identity:role:withdraw", actor, person=person.text, role=role
        )

    def _end_key(self, unit: UnitOfWork, scope: Scope, found: Snapshot, actor: str) -> None:
        keys, key_id, now = self._keys.api_keys, found.subject, self._directory.now_us()
        record = keys.find(key_id)
        if record is None or record.scope != scope or not record.live_at(now):
            return  # it has ended meanwhile
        keys.stage_end(unit, scope, key_id, now, record.expires_at_us)
        self._directory.note(unit, scope, "identity:api_key:revoke", actor, key=key_id)

    def _end_signing_key(self, unit: UnitOfWork, scope: Scope, found: Snapshot, actor: str) -> None:
        keys, key_id, now = self._keys.signing_keys, found.subject, self._directory.now_us()
        record = keys.find(scope, key_id)
        if record is None or not record.is_live(now):
            return
        keys.stage_end(unit, scope, key_id, now)
        self._directory.note(unit, scope, "identity:signing_key:revoke", actor, key=key_id)

    def _release(self, unit: UnitOfWork, scope: Scope, found: Snapshot, actor: str) -> None:
        """Errors: Conflict `access_review_last_certificate`."""
        bound = self._keys.certificates.of_key(scope, found.bound_to)
        if all(one.thumbprint != found.subject for one in bound):
            return
        must_keep_one(self._keys, scope, found, self._directory.now_us())
        self._keys.certificates.remove(unit, scope, found.bound_to, found.subject)
        self._directory.note(
            unit, scope, "identity:certificate:release", actor, key=found.bound_to,
            thumbprint=found.subject,
        )  # fmt: skip


def must_keep_one(keys: HeldKeys, scope: Scope, found: Snapshot, now_us: int) -> None:
    """A live key that loses its last certificate would be believed from any machine.

    Errors: Conflict `access_review_last_certificate`.
    """
    record = keys.api_keys.find(found.bound_to)
    if record is None or record.scope != scope or not record.live_at(now_us):
        return
    if len(keys.certificates.of_key(scope, found.bound_to)) < 2:
        raise Conflict(
            "access_review_last_certificate",
            "without its last certificate the key works from anywhere: revoke the key, or bind "
            "another certificate first",
        )
