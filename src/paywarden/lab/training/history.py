"""What a training set is made from: a mapped file or the log of an installation, in one form.

Guards: what learns knows a label only where it was known by then (`known_at`); what judges reads
the last word (`prepared.marks`). Shapes: n payments in order of time.
Not done here: making them (`dataset.py` of a file, `log_history.py` of a log).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from paywarden.lab.deciding import Progress
from paywarden.lab.prepared import Prepared
from paywarden.lab.training.collecting import Bools, Dataset
from paywarden.risk.rules.filters import FilterSet
from paywarden.risk.rules.model import Policy
from paywarden.risk.scoring.recipe import Input


class History(Protocol):
    """Payments with what was known of them, and the policy beside which a model will serve."""

    @property
    def policy(self) -> Policy:
        """Its windows and lists may be read by inputs."""
        ...

    @property
    def prepared(self) -> Prepared:
        """Payments; `marks` are the last word: 1 fraud, 0 genuine, -1 not known."""
        ...

    @property
    def source(self) -> Mapping[str, str]:
        """Facts of where it comes from, for the card."""
        ...

    def ever(self, filters: FilterSet) -> Sequence[bool]:
        """Per filter, whether any observation of this history could pass it."""
        ...

    def known_at(self, at_us: int) -> npt.NDArray[np.int8]:
        """Marks as they may be learnt from at an instant, [n]."""
        ...

    def build(
        self, inputs: Sequence[Input], delay_us: int, keep: Bools, progress: Progress
    ) -> Dataset:
        """One pass; `keep` [n]: payments whose inputs are wanted. Errors: `inputs_unfillable`."""
        ...
