"""Compiles policies aside: no request waits for the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from paywarden.decision.conduct import PolicyRuntime
from paywarden.risk.rules.compiler import compile_policy
from paywarden.risk.rules.reader import read_policy_files


class Compiler:
    """Compiles policy files."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    async def compile(self, files: Mapping[str, bytes]) -> PolicyRuntime:
        """The runtime of policy files. Errors: PolicyErrors with every finding."""
        return PolicyRuntime(compile_policy(read_policy_files(files)))
