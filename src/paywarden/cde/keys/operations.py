"""Which caller may ask for what. Nothing outside this table is ever done.

Guards: the vault makes, rewraps and looks up, but opens nothing except to index again; the egress
opens for named reasons and does nothing else; the edge knows public keys; the operator turns and
ends keys and never touches a card. So each process that is taken over gives only its own part.
"""

from __future__ import annotations

from typing import Final

from paywarden.cde.frame_format import Refused
from paywarden.cde.keys import wire

_ALL: Final[frozenset[type]] = frozenset({wire.Ping, wire.FactsKeys})
ALLOWED: Final[dict[str, frozenset[type]]] = {
    "vault": _ALL
    | {
        wire.NewDataKeys,
        wire.OpenDataKeys,
        wire.Rewrap,
        wire.IndexCards,
        wire.SignFacts,
        wire.Anchor,
        wire.Anchored,
    },
    "edge": _ALL,
    "egress": _ALL | {wire.OpenDataKeys},
    "operator": _ALL
    | {
        wire.Rotate,
        wire.Destroy,
        wire.DestroyVersion,
        wire.MarkCompromised,
        wire.States,
        wire.Budgets,
    },
}
REASONS: Final[dict[str, frozenset[str]]] = {
    "vault": frozenset({"reindex"}),
    "egress": frozenset({"forward", "reveal", "export", "three_ds", "iso8583", "canary"}),
}


def refusal_of(caller: str, request: object) -> Refused | None:
    """Why this caller may not ask this, or None."""
    if type(request) not in ALLOWED.get(caller, frozenset()):
        return Refused("operation_not_allowed", f"{caller} may not ask for this")
    if isinstance(request, wire.OpenDataKeys) and request.reason not in REASONS[caller]:
        return Refused("reason_not_allowed", f"{caller} may not open for {request.reason}")
    return None
