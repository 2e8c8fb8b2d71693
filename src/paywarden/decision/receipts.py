"""Receipts: the signed promise that a decision is logged, and later the proof that it is.

Guards: a promise binds the decision's hash to a place in a named log under the log's key: if
another record stands there, promise and export together prove it. It was made with the decision's
commit (`evidence.promises`); only a repeat and a receipt have theirs signed anew, alone. Nothing is
promised while the log is not signed. The receipt (promise, leaf, path, checkpoint) is checked
without us: `verify.py receipt`.
"""

from __future__ import annotations

import base64

from paywarden.core.errors import NotFound, NotYet
from paywarden.decision.decision_ids import DecisionIds
from paywarden.decision.messages import Promise, ReceiptAnswer
from paywarden.decision.payments import Decided
from paywarden.decision.ports import Records
from paywarden.decision.statement import decision_hash
from paywarden.evidence.integrator import EVERY_SECONDS
from paywarden.evidence.log import SignedLog
from paywarden.evidence.promises import promises_of
from paywarden.evidence.proofs import Proofs
from paywarden.kit.audit_place import Promised, Wish


class Receipts:
    """Promises at once, receipts after the next checkpoint."""

    def __init__(self, ids: DecisionIds, records: Records, log: SignedLog, proofs: Proofs) -> None:
        self._ids = ids
        self._records = records
        self._log = log
        self._proofs = proofs

    def promise(self, decided: Decided) -> Promise | None:
        """The promise for a decision; None while the log is not signed."""
        if not self._log.signing:
            return None
        place = decided.place
        if place is not None and place.promised is not None and place.wish is not None:
            return _wire(place.index, place.wish, place.promised)
        return self._alone(decided)

    def _alone(self, decided: Decided) -> Promise | None:
        """A promise as of a commit that held nothing else (about 50 us)."""
        place = decided.place
        index = place.index if place is not None else self._records.leaf(decided.seq)
        if index is None:
            return None
        stated = decision_hash(self._ids.text(decided.scope, decided.seq), decided.entry)
        wish = Wish(stated, decided.entry.received_us)
        return _wire(index, wish, promises_of(self._log, [(index, wish)])[0])

    def receipt(self, decided: Decided) -> ReceiptAnswer:
        """The receipt of a decision.

        Errors: NotYet `receipt_pending` before the next checkpoint, NotFound
        `receipt_unavailable` for decisions from before the log was signed.
        """
        promise = self.promise(decided)
        if promise is None:
            raise NotFound("receipt_unavailable", "there is no receipt for this decision")
        if not self._proofs.covers(promise.index):
            raise NotYet(
                "receipt_pending",
                "no checkpoint covers this decision yet; one is signed within a minute",
                retry_after_seconds=int(EVERY_SECONDS),
            )
        found = self._proofs.inclusion(promise.index)
        path = [base64.b64encode(one).decode() for one in found.proof]
        return ReceiptAnswer(promise, found.leaf.decode(), path, found.signed.note)


def _wire(index: int, wish: Wish, made: Promised) -> Promise:
    return Promise(
        made.log, index, wish.decision, wish.at_us, made.size, made.position, made.path,
        made.signature,
    )  # fmt: skip
