"""What a compiler remembers of the files that it read: trees by content.

Guards: a memory changes no result. A file's tree is kept under its name and the SHA-256 of its
content, and only when nothing was wrong with it; a condition under its text and the windows that
the policy declares, since these name what its macros become, with the windows that it asked for.
Both are bounded, the oldest are forgotten first.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from paywarden.risk.features.model import Aggregate
from paywarden.risk.rules.cel.syntax import Expr
from paywarden.risk.rules.findings import Findings
from paywarden.risk.rules.yaml_source import Node, parse_yaml

FILES_BYTES = 16 * 1024 * 1024
CONDITIONS = 50_000


@dataclass(frozen=True, slots=True)
class KnownCondition:
    """A complete condition, its canonical text, and the windows that its macros ask for."""

    expr: Expr
    text: str
    windows: tuple[Aggregate, ...]


class ReadingMemory:
    """Trees of files and conditions; one for as long as a compiler lives."""

    def __init__(self) -> None:
        self._files: OrderedDict[tuple[str, bytes], tuple[Node, int]] = OrderedDict()
        self._files_bytes = 0
        self._conditions: OrderedDict[tuple[str, bytes], KnownCondition] = OrderedDict()

    def parsed(self, name: str, content: bytes, findings: Findings) -> Node | None:
        """The tree of a file, as `parse_yaml` gives it."""
        key = name, hashlib.sha256(content).digest()
        known = self._files.get(key)
        if known is not None:
            self._files.move_to_end(key)
            return known[0]
        node = parse_yaml(name, content, findings)
        if node is not None:  # None: empty or refused
            self._files[key] = node, len(content)
            self._files_bytes += len(content)
            while self._files_bytes > FILES_BYTES:
                self._files_bytes -= self._files.popitem(last=False)[1][1]
        return node

    def condition(self, text: str, declared: bytes) -> KnownCondition | None:
        """A condition that was read before under the same declared windows."""
        return self._conditions.get((text, declared))

    def keep_condition(self, text: str, declared: bytes, known: KnownCondition) -> None:
        """Remember a condition."""
        self._conditions[text, declared] = known
        if len(self._conditions) > CONDITIONS:
            self._conditions.popitem(last=False)
