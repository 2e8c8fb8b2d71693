"""Compiling in a process of its own, so that no payment waits for the compiler.

Guards: the compiler's process (`compile_child.py`) has a deadline and a memory limit and may die
without harm; it is kept between requests, because it remembers what it read and compiled. Octets
cross in frames under an HMAC with a key of this one process (`compile_frames.py`). Everything that
takes long is done there, reading the files included; the parent sends, receives and loads in pieces
of about a millisecond, gives other tasks a turn after each (`kit.turns`), and collects no cycles
meanwhile, nor of what it loaded. A process that answers payments does well to `gc.freeze()` once it
is warm. Not done here: what is compiled (`policy_image.py`), how it is loaded (`compiler.py`).

    async with CompilerProcess() as compiler:
        compiled = (await compiler.compile(PolicyFiles(pack_files(files)))).policy
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt, Unavailable
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.dismantling import taken_apart
from paywarden.kit.turns import Turns
from paywarden.risk.rules.compile_frames import (
    COMPILE,
    END,
    HEADER,
    KEY_BYTES,
    MAX_FRAME,
    PART,
    UPLOAD,
    Frames,
    pieces,
    refusal_of,
)
from paywarden.risk.rules.compiler import CompiledPolicy, loading_steps
from paywarden.risk.rules.file_pack import PolicyFiles, pack_files
from paywarden.risk.rules.image_parts import Assembly

DEADLINE_SECONDS = 60.0
MEMORY_BYTES = 4 << 30
MODULE = "paywarden.risk.rules.compile_child"
"""The child's entry; one that also takes bodies as they were sent is in `entrypoints`."""


@dataclass(frozen=True, slots=True)
class Compilation:
    """A compiled policy, its files packed as they are to be stored, and the parts it came in."""

    policy: CompiledPolicy
    packed: bytes
    parts: list[bytes]


class CompilerProcess:
    """A compiler that lives in a child process; one request at a time."""

    def __init__(
        self,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        randomness: Randomness | None = None,
        module: str = MODULE,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._memory_bytes = memory_bytes
        self._randomness = randomness or SystemRandomness()
        self._module = module
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def compile(self, files: PolicyFiles) -> Compilation:
        """Compile and load. Errors: PolicyErrors with every finding; those of `ask`."""
        task = UPLOAD if files.sent else COMPILE
        async with self._request():
            return await load_parts(self._parts(task, files.octets), files.octets)

    async def ask(self, task: bytes, octets: bytes) -> list[bytes]:
        """The parts of an answer. Errors: Unavailable when late or dead, the answer's refusal.

        After a deadline or a crash the next call starts a new process.
        """
        async with self._request():
            return [part async for part in self._parts(task, octets)]

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    @contextlib.asynccontextmanager
    async def _request(self) -> AsyncIterator[None]:
        """One request at a time, within the deadline; a process that failed is ended."""
        async with self._lock:
            try:
                async with asyncio.timeout(self._deadline_seconds):
                    yield
            except TimeoutError:
                await self.close()
                detail = "the compiler exceeded its deadline; make the policy smaller"
                raise Unavailable("compiler_deadline", detail) from None
            except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError):
                await self.close()
                detail = "the compiler's process ended; the policy may exceed its memory limit"
                raise Unavailable("compiler_ended", detail) from None
            except (Corrupt, asyncio.CancelledError):
                await self.close()
                raise

    async def _parts(self, task: bytes, octets: bytes) -> AsyncIterator[bytes]:
        process = await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        turns = Turns()
        for piece in pieces(octets):
            process.stdin.write(self._sent.packed(PART, piece))
            await process.stdin.drain()
            await turns.give()
        process.stdin.write(self._sent.packed(task, b""))
        while True:
            kind, payload = await self._frame(process.stdout)
            if kind == END:
                return
            if kind != PART:
                raise refusal_of(kind, payload)
            yield payload

    async def _frame(self, stream: asyncio.StreamReader) -> tuple[bytes, bytes]:
        header = await stream.readexactly(HEADER.size)
        kind, length, digest = HEADER.unpack(header)
        if length > MAX_FRAME:
            raise Corrupt("compiler_frame", "a frame of the compiler's process is too large")
        payload = await stream.readexactly(length)
        return kind, self._received.checked(kind, digest, payload)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        key = self._randomness.octets(KEY_BYTES)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            str(self._memory_bytes),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )
        assert process.stdin is not None
        process.stdin.write(key)
        self._process = process
        self._sent, self._received = Frames(key, b">"), Frames(key, b"<")
        return process


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """Hold back the collector of cycles: a pass over a large policy stops every thread.

    What stands afterwards lives long and holds no cycles: the collector leaves it out for ever,
    else its first pass would be the one that was held back.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if running:
            gc.enable()


async def load_parts(parts: AsyncIterator[bytes], packed: bytes) -> Compilation:
    """Load parts as they come. `packed`: the files, unless the parts bring them."""
    assembly, taken, turns = Assembly(), list[bytes](), Turns()
    with collection_paused():
        async for part in parts:
            assembly.take(part)
            taken.append(part)
            await turns.give()
        policy = await load_in_turns(assembly)
    return Compilation(policy, assembly.packed or packed, taken)


async def load_in_turns(assembly: Assembly) -> CompiledPolicy:
    """Load an image in small steps, other tasks in between; the assembly is used up."""
    loading = loading_steps(assembly.image, assembly.policy)
    turns = Turns()
    while True:
        try:
            next(loading)
        except StopIteration as done:
            compiled: CompiledPolicy = done.value
            break
        await turns.give()
    for _ in taken_apart(assembly.used_up()):
        await turns.give()
    return compiled


async def compile_in_child(
    files: Mapping[str, bytes], *, deadline_seconds: float = DEADLINE_SECONDS
) -> CompiledPolicy:
    """Compile once in a process that ends afterwards. Errors: as `CompilerProcess.compile`."""
    async with CompilerProcess(deadline_seconds=deadline_seconds) as compiler:
        return (await compiler.compile(PolicyFiles(pack_files(files)))).policy


def _environment() -> dict[str, str]:
    """Only what a Python needs to find itself; no secret of the parent."""
    wanted = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZDIR")
    return {name: os.environ[name] for name in wanted if name in os.environ}
