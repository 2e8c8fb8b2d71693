"""The column back end: which rules fire for many payments at once."""

from __future__ import annotations

from collections.abc import Sequence

from paywarden.risk.rules.program import Atom, Node
from paywarden.risk.rules.slow_path import Condition


class ColumnProgram:
    """Evaluates every distinct atom once per column."""

    def __init__(
        self, atoms: Sequence[Atom], nodes: Sequence[Node], conditions: Sequence[Condition]
    ) -> None:
        self._atoms = atoms
        self._nodes = nodes
        self._conditions = conditions
