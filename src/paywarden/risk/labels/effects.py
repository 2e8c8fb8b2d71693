"""What each observation is to state that counts payments and standing fraud.

Guards: a fraud label counts until the observation that retracts it, and is taken back once.
Sequences and instants of standing fraud lie in arrays, 16 bytes a label, so that neither many
labels nor a checkpoint makes objects. State is a function of the observations in log order, one by
one or in columns. Links and posteriors both count by it.
Not done here: which word stands (`model.py`); observations state that already.

>>> import numpy as np
>>> known = StandingFraud(np.array([7, 9]), np.array([70, 90]))
>>> known.take(7), known.take(7), len(known)
(70, None, 1)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paywarden.risk.features.catalogue import OBSERVED_INDEX
from paywarden.risk.features.columns import ObservationColumns
from paywarden.risk.features.observation import Observation
from paywarden.risk.labels.model import FRAUD as FRAUD_VERDICT

PAYMENT, FRAUD, TAKEN_BACK = 1, 2, 4
"""A payment was attempted, a fraud label came to stand, an earlier fraud label is taken back."""
KIND, VERDICT = OBSERVED_INDEX["event.kind"], OBSERVED_INDEX["event.verdict"]
FIRST = 256
_ABSENT = -2
_TAKEN = -1
Words = npt.NDArray[np.int64]


class StandingFraud:
    """Fraud labels that may still be taken back: sequence (rising) to instant."""

    def __init__(self, seqs: Words | None = None, times: Words | None = None) -> None:
        self._seqs: Words = np.zeros(0, np.int64) if seqs is None else seqs
        self._times: Words = np.zeros(0, np.int64) if times is None else times
        self._count = len(self._seqs)

    def __len__(self) -> int:
        return int(np.count_nonzero(self._times[: self._count] != _TAKEN))

    def add(self, seq: int, t_us: int) -> None:
        """Remember a label; `seq` is greater than every one before."""
        if self._count == len(self._seqs):
            more = np.zeros(max(FIRST, self._count), np.int64)
            self._seqs = np.concatenate([self._seqs, more])
            self._times = np.concatenate([self._times, more])
        self._seqs[self._count], self._times[self._count] = seq, t_us
        self._count += 1

    def take(self, seq: int) -> int | None:
        """Forget a label that is taken back; its instant, or None when it does not stand."""
        at = int(np.searchsorted(self._seqs[: self._count], seq))
        if at == self._count or self._seqs[at] != seq or self._times[at] == _TAKEN:
            return None
        found = int(self._times[at])
        self._times[at] = _TAKEN
        return found

    def forget_before(self, seq: int) -> None:
        """Give back the memory of earlier labels, and of those that were taken back."""
        seqs, times = self.arrays()
        self._keep(seqs, times, int(np.searchsorted(seqs, seq)))

    def forget_older(self, t_us: int) -> None:
        """The same of labels before an instant."""
        seqs, times = self.arrays()
        self._keep(seqs, times, int(np.searchsorted(times, t_us)))

    def arrays(self) -> tuple[Words, Words]:
        """Sequences and instants of what stands, rising."""
        standing = self._times[: self._count] != _TAKEN
        return self._seqs[: self._count][standing], self._times[: self._count][standing]

    def _keep(self, seqs: Words, times: Words, first: int) -> None:
        self._seqs, self._times = seqs[first:], times[first:]
        self._count = len(self._seqs)


class Effects:
    """Says of observations, in log order, what they count."""

    def __init__(self, standing: StandingFraud | None = None) -> None:
        self.standing = StandingFraud() if standing is None else standing

    def of(self, seen: Observation) -> tuple[int, int]:
        """(PAYMENT, FRAUD and TAKEN_BACK or 0, instant of the label that is taken back)."""
        kind = seen.values[KIND]
        fraud = kind == "label" and seen.values[VERDICT] == FRAUD_VERDICT
        return self._one(seen.seq, seen.t_us, kind == "payment", fraud, seen.retracts)

    def of_columns(self, columns: ObservationColumns) -> tuple[Words, Words]:
        """The same of many, each [len(columns)]."""
        names = {text: number for number, text in enumerate(columns.symbols)}
        kinds = columns.values[KIND]
        payment = kinds == names.get("payment", _ABSENT)
        fraud = (kinds == names.get("label", _ABSENT)) & (
            columns.values[VERDICT] == names.get(FRAUD_VERDICT, _ABSENT)
        )
        what = np.where(payment, np.int64(PAYMENT), np.int64(0))
        since = np.zeros(len(columns), np.int64)
        for row in np.flatnonzero(fraud | (columns.retracts != 0)).tolist():
            what[row], since[row] = self._one(
                int(columns.seq[row]), int(columns.t_us[row]), bool(payment[row]),
                bool(fraud[row]), int(columns.retracts[row]),
            )  # fmt: skip
        return what, since

    def _one(
        self, seq: int, t_us: int, payment: bool, fraud: bool, retracts: int
    ) -> tuple[int, int]:
        what, since = PAYMENT if payment else 0, 0
        taken = self.standing.take(retracts) if retracts else None
        if taken is not None:
            what, since = what | TAKEN_BACK, taken
        if fraud:
            self.standing.add(seq, t_us)
            what |= FRAUD
        return what, since
