"""Receipts: the signed promise that a decision is logged, and later the proof that it is.

Guards: a promise binds the decision's hash to a place in a named log under the log's key: if
another record stands there, promise and export together prove it. Nothing is promised while the
log is not signed. The receipt (promise, leaf, path, checkpoint) is checked without us:
`verify.py receipt`.
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
from paywarden.evidence.proofs import Proofs

PROMISE = "paywarden promise v1"


class Receipts:
    """Promises at once, receipts after the next checkpoint."""

    def __init__(self, ids: DecisionIds, records: Records, log: SignedLog, proofs: Proofs) -> None:
        self._ids = ids
        self._records = records
        self._log = log
        self._proofs = proofs

    def promise(self, decided: Decided) -> Promise | None:
        """The promise for a decision (about 50 us); None while the log is not signed."""
        index = decided.leaf if decided.leaf is not None else self._records.leaf(decided.seq)
        if index is None or not self._log.signing:
            return None
        entry, signer = decided.entry, self._log.signer_at(index)
        log = signer.verifier.name
        decision = decided.stated
        if decision is None:
            decision = decision_hash(self._ids, decided.scope, decided.seq, entry)
        text = f"{PROMISE}\n{log}\n{index}\n{decision}\n{entry.received_us}\n"
        octets = signer.verifier.hint + signer.sign(text.encode())
        signature = base64.b64encode(octets).decode()
        return Promise(log, index, decision, entry.received_us, signature)

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
