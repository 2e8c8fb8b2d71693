"""Compiling in a process of its own, so that no payment waits for the compiler.

Guards: the compiler's process has a deadline and a memory limit and may die without harm; it is
kept between compilations, because it remembers checked trees and compiled functions, so that a
policy with few changes is ready soon. Policy and image cross in frames (length, HMAC-SHA-256 under
a key of this one process, payload); marshalled code is read only from a frame whose HMAC fits. The
parent encodes and loads in small steps, gives other tasks a turn after each, and collects no
cycles meanwhile. A process that answers payments does well to `gc.freeze()` once it is warm.
Order: policy head, slices of rules, end; then parts of the image, end; or findings.
Not done here: what is compiled (`policy_image.py`), how it is loaded (`compiler.py`).

    async with CompilerProcess() as compiler:
        compiled = await compiler.compile(policy)
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hashlib
import hmac
import os
import resource
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt, InvalidRequest, Unavailable
from paywarden.kit.clock import SystemRandomness
from paywarden.risk.rules.compiler import CompiledPolicy, loading_steps
from paywarden.risk.rules.findings import Finding, PolicyErrors
from paywarden.risk.rules.image_parts import Assembly, parts_of
from paywarden.risk.rules.model import Policy, Rule
from paywarden.risk.rules.policy_image import TreeCache, build_policy_image

DEADLINE_SECONDS = 60.0
MEMORY_BYTES = 4 << 30
MAX_FRAME = 256 << 20
SLICE = 250
_HEADER = struct.Struct(">cQ32s")
_KEY_BYTES = 32
_PART, _END, _FINDINGS, _INVALID = b"P", b"E", b"F", b"I"


class Frames:
    """Frames under one key; each direction counts its frames, so none can be left out or moved."""

    def __init__(self, key: bytes, direction: bytes) -> None:
        self._key = key
        self._direction = direction
        self._count = 0

    def packed(self, kind: bytes, payload: bytes) -> bytes:
        """A frame to send."""
        return _HEADER.pack(kind, len(payload), self._digest(kind, payload)) + payload

    def checked(self, kind: bytes, digest: bytes, payload: bytes) -> bytes:
        """The payload of a received frame. Errors: Corrupt when its digest does not fit."""
        if not hmac.compare_digest(digest, self._digest(kind, payload)):
            raise Corrupt("compiler_frame", "a frame of the compiler's process fails its digest")
        return payload

    def _digest(self, kind: bytes, payload: bytes) -> bytes:
        self._count += 1
        head = self._direction + kind + struct.pack(">Q", self._count)
        return hmac.new(self._key, head + payload, hashlib.sha256).digest()


class CompilerProcess:
    """A compiler that lives in a child process; one compilation at a time."""

    def __init__(
        self,
        *,
        deadline_seconds: float = DEADLINE_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        randomness: Randomness | None = None,
    ) -> None:
        self._deadline_seconds = deadline_seconds
        self._memory_bytes = memory_bytes
        self._randomness = randomness or SystemRandomness()
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

    async def compile(self, policy: Policy) -> CompiledPolicy:
        """Compile and load. Errors: PolicyErrors with every finding; Unavailable when late or dead.

        After a deadline or a crash the next call starts a new process.
        """
        async with self._lock:
            try:
                with collection_paused():
                    async with asyncio.timeout(self._deadline_seconds):
                        return await self._compile(policy)
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

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _compile(self, policy: Policy) -> CompiledPolicy:
        process = await self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        for kind, payload in _request(policy):
            process.stdin.write(self._sent.packed(kind, payload))
            await process.stdin.drain()
            await asyncio.sleep(0)
        assembly = Assembly()
        while True:
            kind, payload = await self._frame(process.stdout)
            if kind == _END:
                break
            if kind != _PART:
                raise _refusal(kind, payload)
            assembly.take(payload)
            await asyncio.sleep(0)
        return await load_in_turns(assembly, policy)

    async def _frame(self, stream: asyncio.StreamReader) -> tuple[bytes, bytes]:
        header = await stream.readexactly(_HEADER.size)
        kind, length, digest = _HEADER.unpack(header)
        if length > MAX_FRAME:
            raise Corrupt("compiler_frame", "a frame of the compiler's process is too large")
        payload = await stream.readexactly(length)
        return kind, self._received.checked(kind, digest, payload)

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        key = self._randomness.octets(_KEY_BYTES)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "paywarden.risk.rules.compile_process",
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
    """Hold back the collector of cycles: a full pass over a large policy stops every thread."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


async def load_in_turns(assembly: Assembly, policy: Policy) -> CompiledPolicy:
    """Load an image in small steps, other tasks in between."""
    loading = loading_steps(assembly.image, policy)
    while True:
        try:
            next(loading)
        except StopIteration as done:
            compiled: CompiledPolicy = done.value
            return compiled
        await asyncio.sleep(0)


async def compile_in_child(
    policy: Policy, *, deadline_seconds: float = DEADLINE_SECONDS
) -> CompiledPolicy:
    """Compile once in a process that ends afterwards. Errors: as `CompilerProcess.compile`."""
    async with CompilerProcess(deadline_seconds=deadline_seconds) as compiler:
        return await compiler.compile(policy)


def _environment() -> dict[str, str]:
    """Only what a Python needs to find itself; no secret of the parent."""
    wanted = ("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LANG", "LC_ALL", "TZDIR")
    return {name: os.environ[name] for name in wanted if name in os.environ}


def _request(policy: Policy) -> Iterator[tuple[bytes, bytes]]:
    yield _PART, msgspec.msgpack.encode(replace(policy, rules=()))
    for start in range(0, len(policy.rules), SLICE):
        yield _PART, msgspec.msgpack.encode(policy.rules[start : start + SLICE])
    yield _END, b""


def _refusal(kind: bytes, payload: bytes) -> Exception:
    if kind == _FINDINGS:
        return PolicyErrors(msgspec.msgpack.decode(payload, type=list[Finding]))
    code, detail, pointer = msgspec.msgpack.decode(payload, type=tuple[str, str, str | None])
    return InvalidRequest(code, detail, pointer=pointer)


# --- the child ------------------------------------------------------------------------------


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Compile what comes in until the parent closes its end."""
    key = _exactly(source, _KEY_BYTES)
    received, sent = Frames(key, b">"), Frames(key, b"<")
    cache = TreeCache()
    while True:
        policy = _policy_from(source, received)
        if policy is None:
            return
        for kind, payload in _answer(policy, cache):
            sink.write(sent.packed(kind, payload))
        sink.flush()


def _answer(policy: Policy, cache: TreeCache) -> Iterator[tuple[bytes, bytes]]:
    try:
        image = build_policy_image(policy, cache)
    except PolicyErrors as errors:
        yield _FINDINGS, msgspec.msgpack.encode(errors.findings)
        return
    except InvalidRequest as error:
        yield _INVALID, msgspec.msgpack.encode((error.code, error.detail, error.pointer))
        return
    for part in parts_of(image):
        yield _PART, part
    yield _END, b""


def _policy_from(source: BinaryIO, frames: Frames) -> Policy | None:
    rules: list[Rule] = []
    policy: Policy | None = None
    while True:
        header = source.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        kind, length, digest = _HEADER.unpack(header)
        payload = frames.checked(kind, digest, _exactly(source, length))
        if kind == _END:
            return None if policy is None else replace(policy, rules=tuple(rules))
        if policy is None:
            policy = msgspec.msgpack.decode(payload, type=Policy)
        else:
            rules.extend(msgspec.msgpack.decode(payload, type=list[Rule]))


def _exactly(source: BinaryIO, count: int) -> bytes:
    octets = source.read(count)
    if len(octets) < count:
        raise EOFError
    return octets


def main() -> None:
    """Entry of the child: limit memory, then serve standard input."""
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Trees and code hold no cycles, and collector passes over them cost a third of the time.
    gc.disable()
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
