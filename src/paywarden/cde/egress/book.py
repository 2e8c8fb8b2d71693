"""The destinations of this process: each one verified against its own roster, at every start.

Guards: a change counts with a signed ApprovalGrant for exactly its octets, of two people, used
once, before its expiry, with a higher revision than what stands. At a start every stored change is
verified again (its expiry was checked when it came), so that a row written behind this process'
back is not believed, and one whose approvers left the roster is dropped: have it approved anew.
With the development setting, destinations that reach loopback only and belong to a test environment
count without approval, and say so. Source: PCI DSS 4.0.1, 1.2.5, 6.5.1 and 7.2.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from paywarden.cde.egress.destinations import (
    ACTION,
    APPROVALS,
    APPROVER_ROLES,
    checked,
    only_loopback,
    payload_of,
)
from paywarden.cde.egress.ports import Ledger
from paywarden.cde_client.card_acts import Destination
from paywarden.cde_client.challenge import hash_payload
from paywarden.cde_client.grants import Expected, Refused, Verified, verify
from paywarden.cde_client.messages import ApprovalGrant
from paywarden.cde_client.roster import PinnedRoster
from paywarden.core.clock import Clock
from paywarden.core.errors import Conflict, InvalidRequest, NotFound, NotPermitted, PaywardenError
from paywarden.core.scope import Environment, Scope
from paywarden.kit.log import logger

BEFORE_ANY_EXPIRY_US: Final = -1


class DestinationBook:
    """Destinations by scope and name."""

    def __init__(
        self,
        ledger: Ledger,
        roster: PinnedRoster,
        clock: Clock,
        development: Sequence[Destination] = (),
    ) -> None:
        """`development`: unapproved ones. Errors: InvalidRequest for one that leaves loopback."""
        self._ledger = ledger
        self._roster = roster
        self._clock = clock
        self._held: dict[tuple[str, str], Destination] = {}
        for destination in development:
            self._unapproved(destination)
        for octets, grant in ledger.changes():
            self._restore(octets, grant)

    def of(self, scope: Scope, name: str) -> Destination:
        """The destination. Errors: NotFound `destination_unknown`."""
        found = self._held.get((scope.text, name))
        if found is None:
            raise NotFound("destination_unknown", "no approved destination has this name here")
        return found

    def listed(self, scope: Scope) -> list[Destination]:
        """Those of a scope, by name."""
        return sorted(
            (one for one in self._held.values() if one.scope == scope.text),
            key=lambda one: one.name,
        )

    def change(self, scope: Scope, destination: Destination, grant: ApprovalGrant) -> Verified:
        """Take a change. Errors: NotPermitted `grant_refused`, Conflict, InvalidRequest."""
        checked(destination)
        if destination.scope != scope.text:
            raise InvalidRequest("destination_invalid", "another scope", pointer="/scope")
        held = self._held.get((destination.scope, destination.name))
        if held is not None and destination.revision <= held.revision:
            raise Conflict("destination_outdated", "a revision is higher than what stands")
        found = _verified(destination, grant, self._roster, self._clock.now_us())
        if isinstance(found, Refused):
            raise NotPermitted("grant_refused", f"{found.code}: {found.detail}")
        octets = (payload_of(destination), msgspec.json.encode(grant))
        if not self._ledger.accept(found.once_key, *octets, self._clock.now_us()):
            raise Conflict("grant_used", "this approval was used before")
        self._held[destination.scope, destination.name] = destination
        return found

    def _restore(self, octets: bytes, text: bytes) -> None:
        try:
            destination = checked(msgspec.json.decode(octets, type=Destination))
            grant = msgspec.json.decode(text, type=ApprovalGrant)
        except (msgspec.MsgspecError, PaywardenError):
            logger().error("destination_not_believed", code="malformed")
            return
        found = _verified(destination, grant, self._roster, BEFORE_ANY_EXPIRY_US)
        if isinstance(found, Refused):
            logger().error("destination_not_believed", code=found.code)
            return
        name = (destination.scope, destination.name)
        held = self._held.get(name)
        if held is None or destination.revision > held.revision:
            self._held[name] = destination

    def _unapproved(self, destination: Destination) -> None:
        checked(destination)
        test = Scope.parse(destination.scope).environment is Environment.TEST
        if not test or not only_loopback(destination):
            raise InvalidRequest(
                "destination_unapproved",
                "without approval a destination is of a test environment and on loopback",
            )
        logger().warning("unapproved_destination_allowed", reason="development setting")
        self._held[destination.scope, destination.name] = destination


def _verified(
    destination: Destination, grant: ApprovalGrant, roster: PinnedRoster, now_us: int
) -> Verified | Refused:
    digest = hash_payload(ACTION, payload_of(destination))
    scope = Scope.parse(destination.scope)
    return verify(grant, roster, now_us, Expected(scope, ACTION, digest, APPROVALS, APPROVER_ROLES))
