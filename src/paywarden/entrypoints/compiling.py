"""Compiles policies aside: the compiler's process of an installation, and what it takes apart.

Guards: reading, checking and compiling happen in `policy_compiler`; here results are loaded in
turns, and policies that nobody uses any more are freed in turns too.
"""

from __future__ import annotations

import marshal
from collections.abc import Mapping

import msgspec

from paywarden.core.errors import InvalidRequest
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.ports import CompiledRuleset, ListedEntries
from paywarden.kit.dismantling import Dismantler
from paywarden.kit.turns import Turns
from paywarden.risk.rules.compile_child import ListsRequest
from paywarden.risk.rules.compile_frames import LISTS, SCREEN
from paywarden.risk.rules.compile_process import CompilerProcess
from paywarden.risk.rules.file_pack import PolicyFiles

CHILD = "paywarden.entrypoints.policy_compiler"


class Compiler:
    """`PolicyCompiler` over one child process, kept between compilations."""

    def __init__(self) -> None:
        self._process = CompilerProcess(module=CHILD)
        self._dismantler = Dismantler()

    async def compile(self, files: PolicyFiles) -> CompiledRuleset:
        """The runtime of policy files. Errors: PolicyErrors with every finding, Unavailable."""
        made = await self._process.compile(files)
        self._dismantler.watch(made.policy, made.policy.heaps())
        return CompiledRuleset(PolicyRuntime(made.policy), made.packed)

    async def lists(self, kinds: Mapping[str, str], packed: bytes) -> ListedEntries:
        """Entries of the list files. Errors: InvalidRequest with the place, Unavailable."""
        request = msgspec.msgpack.encode(ListsRequest(dict(kinds), packed))
        found: dict[str, list[tuple[str, str, int | None]]] = {}
        turns = Turns()
        for part in await self._process.ask(LISTS, request):
            name, entries = marshal.loads(part)  # noqa: S302 - digest checked by the process
            found.setdefault(name, []).extend(entries)
            await turns.give()
        return found

    async def screen(self, raw: bytes) -> InvalidRequest | None:
        """The refusal of a body that holds a card number, or None. Errors: Unavailable."""
        try:
            await self._process.ask(SCREEN, raw)
        except InvalidRequest as refusal:
            return refusal
        return None

    async def close(self) -> None:
        """End the child process."""
        await self._process.close()
        await self._dismantler.close()
