"""Operations of egress over HTTP.

Guards: the caller's scope follows from its key, the merchant too where the key is bound to one.
Bodies are neither kept for replays nor logged. Not done here: anything that a use case guards.
"""

from __future__ import annotations

from typing import Final

from paywarden.cde.callers import DESTINATIONS, FORWARD, REVEAL, merchant_of
from paywarden.cde.egress.book import DestinationBook
from paywarden.cde.egress.forwarding import Forwarding, Order
from paywarden.cde.egress.messages import (
    DestinationAsked,
    DestinationList,
    ForwardAnswer,
    ForwardAsked,
    RevealAnswer,
    RevealAsked,
)
from paywarden.cde.egress.revealing import Revealing, Wish
from paywarden.cde.egress.transport import Failed
from paywarden.cde.events import EventLog, Scalar
from paywarden.kit.http.operation import Answer, Call, Operation

TAG: Final = "cards"


class EgressOperations:
    """Handlers over the use cases."""

    def __init__(
        self,
        forwarding: Forwarding,
        revealing: Revealing,
        book: DestinationBook,
        events: EventLog,
    ) -> None:
        self._forwarding = forwarding
        self._revealing = revealing
        self._book = book
        self._events = events

    def operations(self) -> list[Operation]:
        """Every operation of this module."""
        return [
            Operation(
                "POST", "/v1/forwards", "forward", "Forward a request with the card in its fields",
                self.forward, ForwardAnswer, ForwardAsked, permission=FORWARD, tag=TAG,
                idempotent=False,
            ),
            Operation(
                "POST", "/v1/reveals", "reveal", "Show a card number, under a signed approval",
                self.reveal, RevealAnswer, RevealAsked, permission=REVEAL, tag=TAG,
                idempotent=False,
            ),
            Operation(
                "GET", "/v1/destinations", "list_destinations", "Where cards may be sent",
                self.listed, DestinationList, permission=FORWARD, tag=TAG,
            ),
            Operation(
                "POST", "/v1/destinations", "change_destination",
                "Add or change a destination, under a signed approval",
                self.change, DestinationList, DestinationAsked, permission=DESTINATIONS, tag=TAG,
                idempotent=False,
            ),
        ]  # fmt: skip

    async def forward(self, call: Call) -> Answer:
        """POST /v1/forwards."""
        asked: ForwardAsked = call.body
        asker = call.asker
        order = Order(
            asker.scope, _owner(call), asker.key_id, call.request_id,
            asked.destination, asked.method, asked.path, asked.headers,
            bytes(asked.body) or None, asked.form,
            asked.card.token, asked.card.fields,
        )  # fmt: skip
        found = await self._forwarding.forward(order)
        if isinstance(found, Failed):
            return Answer(ForwardAnswer("maybe" if found.sent else "no", failure=found.code))
        places = [place for place, _ in found.echoes]
        return Answer(ForwardAnswer("yes", found.status, found.body, None, found.withheld, places))

    async def reveal(self, call: Call) -> Answer:
        """POST /v1/reveals."""
        asked: RevealAsked = call.body
        asker = call.asker
        wish = Wish(
            asker.scope, _owner(call), asker.key_id, call.request_id,
            asked.token, asked.purpose, asked.ticket, asked.grant,
        )  # fmt: skip
        found = await self._revealing.reveal(wish)
        return Answer(RevealAnswer(found.number, found.expiry, list(found.approvers)))

    async def listed(self, call: Call) -> Answer:
        """GET /v1/destinations."""
        return Answer(DestinationList(self._book.listed(call.asker.scope)))

    async def change(self, call: Call) -> Answer:
        """POST /v1/destinations."""
        asked: DestinationAsked = call.body
        found = self._book.change(call.asker.scope, asked.destination, asked.grant)
        detail: dict[str, Scalar] = {
            "destination": asked.destination.name,
            "revision": asked.destination.revision,
            "approvers": ",".join(found.approvers),
            "key": call.asker.key_id,
        }
        self._events.append("destination_changed", "warning", call.asker.scope.text, detail)
        return Answer(DestinationList(self._book.listed(call.asker.scope)))


def _owner(call: Call) -> str:
    asked: ForwardAsked | RevealAsked = call.body
    return merchant_of(call.asker, asked.merchant, tenant_wide=asked.tenant_wide)
