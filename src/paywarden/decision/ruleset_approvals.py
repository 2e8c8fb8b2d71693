"""The open request for approval that a ruleset waits for.

Guards: a request belongs to a ruleset by its payload, which is what approvers sign, and by nothing
else. A passkey signs one request and cannot approve another; a code binds none, so that it counts
here only where no second request could be meant. Not done here: the steps of approvers
(`identity.approvals`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from paywarden.core.errors import Conflict, NotFound
from paywarden.core.scope import Scope
from paywarden.identity.approvals.catalogue import (
    RULESET_PUBLISH,
    RULESET_ROLL_OUT,
    RULESET_ROLLBACK,
)
from paywarden.identity.approvals.model import Request
from paywarden.identity.approvals.service import OPEN_LIMIT, Approvals

ACTIONS: Final = frozenset({RULESET_PUBLISH, RULESET_ROLL_OUT, RULESET_ROLLBACK})


class _OfRuleset(msgspec.Struct, frozen=True):
    """What the payloads of these actions have in common."""

    ruleset: str


_PAYLOADS: Final = msgspec.json.Decoder(_OfRuleset)


def open_request(
    approvals: Approvals, scope: Scope, ruleset: str, now_us: int, *, only: bool
) -> str:
    """Id of the newest open request that would let `ruleset` decide; with `only`, of the one.

    Errors: NotFound `ruleset_not_waiting`, Conflict `approval_ambiguous`.
    """
    page = approvals.page(scope, "", OPEN_LIMIT, only_open=True)
    alive = [one for one in page if one.asked.expires_at_us > now_us]
    found = [one for one in alive if _is_for(approvals, one, ruleset)]
    if not found:
        raise NotFound("ruleset_not_waiting", "no open request would let this ruleset decide")
    if only and len(found) > 1:
        raise Conflict(
            "approval_ambiguous", "several requests are open for it: name one by its own id"
        )
    return found[0].asked.approval_id.text


def _is_for(approvals: Approvals, request: Request, ruleset: str) -> bool:
    if request.asked.action not in ACTIONS:
        return False
    payload = approvals.payload(request)
    try:
        return payload is not None and _PAYLOADS.decode(payload).ruleset == ruleset
    except msgspec.DecodeError:  # written by hand; its executor will refuse it
        return False
