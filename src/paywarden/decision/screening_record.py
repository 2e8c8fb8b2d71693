"""What the log keeps of a payment's screening, and how it is read again.

Guards: scores stand in the clear among the derived fields, for rules, replay and drafts; hits hold
names, so they are sealed under the keys of those whom they speak of, apart from the fields: who is
erased takes them along, and the decision can still be made again. A continuation has the hits of
the payment that it continues, sealed anew for its own place in the log.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from paywarden.aml.screening.serving.opinion import Hit
from paywarden.core.scope import Scope
from paywarden.decision.entries import ScreeningRecord, Sealed
from paywarden.decision.intake import Fields
from paywarden.decision.screening_stage import Screened
from paywarden.decision.sealing import Sealer
from paywarden.decision.state import ScopeState

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Hit]).decode


def recorded(
    sealer: Sealer, state: ScopeState, fields: Fields, seq: int, screened: Screened
) -> ScreeningRecord | None:
    """The record of the entry `seq`; None where nothing was screened."""
    if not screened.lists_seq:
        return None
    boxes: tuple[Sealed, ...] = ()
    if screened.hits:
        payee = [hit for hit in screened.hits if hit.role == "payee"]
        payer = [hit for hit in screened.hits if hit.role != "payee"]
        boxes = sealer.seal_apart(
            state.scope, fields, state.digester.digest, seq,
            _encode(payer) if payer else None, _encode(payee) if payee else None,
        )  # fmt: skip
    return ScreeningRecord(screened.lists_seq, screened.took_us, boxes, screened.excepted)


def recorded_again(
    sealer: Sealer, state: ScopeState, fields: Fields, seq: int,
    first_seq: int, record: ScreeningRecord | None,
) -> ScreeningRecord | None:  # fmt: skip
    """The record of a payment for the entry `seq`, which continues it."""
    if record is None:
        return None
    hits = hits_of(sealer, state.scope, first_seq, record)
    again = Screened({}, hits, record.excepted, record.lists_seq)
    return recorded(sealer, state, fields, seq, again)


def hits_of(
    sealer: Sealer, scope: Scope, seq: int, record: ScreeningRecord | None
) -> tuple[Hit, ...]:
    """The hits of the entry `seq` that can still be read, the best first."""
    if record is None:
        return ()
    hits = [hit for box in sealer.open_apart(scope, seq, record.boxes) for hit in _decode(box)]
    return tuple(sorted(hits, key=lambda hit: (hit.found.pep, -hit.found.score, hit.found.entry)))


def words_of(stages: Sequence[str]) -> tuple[str, ...]:
    """How a decision states stages that gave no opinion."""
    return tuple(f"{name}_skipped" for name in stages)
