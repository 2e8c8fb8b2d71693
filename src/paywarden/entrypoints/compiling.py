"""Compiles policies aside: reading in a thread, compiling in a child process, loading in turns."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from paywarden.decision.conduct import PolicyRuntime
from paywarden.risk.rules.compile_process import CompilerProcess
from paywarden.risk.rules.reader import read_policy_files


class Compiler:
    """Compiles policy files; one child process, kept between compilations."""

    def __init__(self) -> None:
        self._process = CompilerProcess()

    async def compile(self, files: Mapping[str, bytes]) -> PolicyRuntime:
        """The runtime of policy files. Errors: PolicyErrors with every finding, Unavailable."""
        policy = await asyncio.to_thread(read_policy_files, files)
        return PolicyRuntime(await self._process.compile(policy))

    async def close(self) -> None:
        """End the child process."""
        await self._process.close()
