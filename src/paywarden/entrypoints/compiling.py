"""Compiles policies aside: the compiler's process of an installation, and what it takes apart.

Guards: reading, checking and compiling happen in `policy_compiler`; here results are loaded in
turns, and policies that nobody uses any more are freed in turns too. What was compiled is kept on
disk (`ImageFiles`); a stored ruleset that comes from there is shown to the compiler afterwards, so
that the next change of it is as quick as if it had been compiled now.
"""

from __future__ import annotations

import asyncio
import marshal
from collections.abc import AsyncIterator, Iterable, Mapping

import msgspec

from paywarden.core.errors import InvalidRequest, PaywardenError
from paywarden.decision.conduct import PolicyRuntime
from paywarden.decision.ports import CompiledRuleset, ListedEntries
from paywarden.decision.stores.image_files import ImageFiles
from paywarden.kit.dismantling import Dismantler
from paywarden.kit.log import logger
from paywarden.kit.turns import Turns
from paywarden.risk.rules.compile_child import ListsRequest
from paywarden.risk.rules.compile_frames import LISTS, REMEMBER, SCREEN
from paywarden.risk.rules.compile_process import Compilation, CompilerProcess, load_parts
from paywarden.risk.rules.file_pack import PolicyFiles

CHILD = "paywarden.entrypoints.policy_compiler"


class Compiler:
    """`PolicyCompiler` over one child process, kept between compilations."""

    def __init__(self, images: ImageFiles | None = None) -> None:
        self._process = CompilerProcess(module=CHILD)
        self._dismantler = Dismantler()
        self._images = images
        self._remembering: set[asyncio.Task[None]] = set()

    async def compile(self, files: PolicyFiles) -> CompiledRuleset:
        """The runtime of policy files. Errors: PolicyErrors with every finding, Unavailable."""
        made = await self._kept(files)
        if made is None:
            made = await self._process.compile(files)
            if self._images is not None:
                name = made.policy.ruleset_hash
                await asyncio.to_thread(self._images.write, name, made.parts)
        self._dismantler.watch(made.policy, made.policy.heaps())
        return CompiledRuleset(PolicyRuntime(made.policy), made.packed)

    async def _kept(self, files: PolicyFiles) -> Compilation | None:
        if self._images is None or not files.ruleset:
            return None
        parts = await asyncio.to_thread(self._images.read, files.ruleset)
        if parts is None:
            return None
        task = asyncio.create_task(self._remember(files.octets))
        self._remembering.add(task)
        task.add_done_callback(self._remembering.discard)
        return await load_parts(_each(parts), files.octets)

    async def _remember(self, packed: bytes) -> None:
        try:
            await self._process.ask(REMEMBER, packed)
        except PaywardenError as refusal:
            logger().warning("compiler_not_warm", code=refusal.code)

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
        for task in self._remembering:
            task.cancel()
        await asyncio.gather(*self._remembering, return_exceptions=True)
        await self._process.close()
        await self._dismantler.close()


async def _each(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part
