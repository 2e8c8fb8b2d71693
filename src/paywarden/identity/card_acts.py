"""Acts that the card data environment carries out: asked for and signed here, done there.

Guards: what people sign is the one form of the act (`cde_client.card_acts`), complete and of this
scope, so that a signature is never collected for something that the environment refuses by form.
Nothing here decides: the environment verifies every signature against a roster of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from paywarden.cde_client.card_acts import (
    DESTINATION_ACTION,
    REVEAL_ACTION,
    CardAct,
    destination_of,
    payload,
    reveal_of,
)
from paywarden.core.errors import InvalidRequest
from paywarden.core.scope import Scope
from paywarden.identity.approvals.execution import Prepare
from paywarden.identity.approvals.service import Approvals

_PLACE: Final = re.compile(r"- at `\$\.([a-z_]{1,40})")


def register(approvals: Approvals) -> None:
    """Tell approvals what these acts look like."""
    approvals.register_elsewhere(DESTINATION_ACTION, _prepared(destination_of))
    approvals.register_elsewhere(REVEAL_ACTION, _prepared(reveal_of))


def _prepared(read: Callable[[bytes], CardAct]) -> Prepare:
    def prepare(scope: Scope, octets: bytes) -> bytes:
        try:
            act = read(octets)
        except ValueError as fault:
            place = _PLACE.search(str(fault))  # the rest of its text may quote what was sent
            where = f" at {place[1]}" if place else ""
            raise InvalidRequest(
                "approval_request_invalid", f"this is no act of its form{where}", pointer="/payload"
            ) from None
        if act.scope != scope.text:
            raise InvalidRequest(
                "approval_request_invalid", "the act is of another tenant or environment",
                pointer="/payload/scope",
            )  # fmt: skip
        return payload(act)

    return prepare
