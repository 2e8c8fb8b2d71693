"""The door for commands of this machine: a unix socket in the home, served by the one writer.

Guards: a home has one writer, so a command beside a running server asks it instead of writing. The
socket lies in a folder of mode 0700, has mode 0600 from its first moment, and the peer must be the
user of the server or root (SO_PEERCRED), which are those who can read the master key anyway: this
door gives nothing that the files do not. One question a connection, one line of at most 64 KiB,
within ten seconds, few at once. What is asked is decoded strictly by the command itself; rules and
audit are those of the command without a server. Nothing that is asked or told is logged.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from paywarden.core import errors
from paywarden.core.errors import PaywardenError, Unavailable
from paywarden.entrypoints.listening import check_socket
from paywarden.kit.log import logger

LINE_LIMIT: Final = 64 * 1024
ANSWER_LIMIT: Final = 16 * 1024 * 1024
SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 60.0
AT_ONCE: Final = 4
_CREDENTIALS: Final = struct.Struct("3i")


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a command asks: its name, and its arguments as it reads them."""

    command: str
    given: msgspec.Raw


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told: the document and the words of a command, or the error it ends with."""

    document: dict[str, Any] = {}
    words: str = ""
    kind: str = ""
    code: str = ""
    detail: str = ""
    pointer: str | None = None


Command = Callable[[bytes], Awaitable[Told]]
"""Takes its arguments as JSON. Errors: PaywardenError."""


class LocalDoor:
    """Serves commands until it is closed."""

    def __init__(self, path: Path, commands: Mapping[str, Command]) -> None:
        self._path = path
        self._commands = commands
        self._server: asyncio.Server | None = None
        self._inside = 0

    async def open(self) -> None:
        """Listen. Where that cannot be, commands need the home for themselves; the log says so."""
        try:
            check_socket(self._path)
            listening = _bound(self._path)
        except (PaywardenError, OSError) as fault:
            logger().warning("local_door_closed", error_type=type(fault).__name__)
            return
        self._server = await asyncio.start_unix_server(
            self._answer, sock=listening, limit=LINE_LIMIT
        )

    async def close(self) -> None:
        """Listen no more, and take the socket away."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._inside += 1
        try:
            if self._inside <= AT_ONCE and _is_own(writer):
                async with asyncio.timeout(SECONDS):
                    line = await reader.readline()
                writer.write(msgspec.json.encode(await self._told(line)) + b"\n")
                async with asyncio.timeout(SECONDS):
                    await writer.drain()
        except (TimeoutError, ValueError, ConnectionError) as fault:
            logger().warning("local_question_broken", error_type=type(fault).__name__)
        finally:
            self._inside -= 1
            writer.close()

    async def _told(self, line: bytes) -> Told:
        try:
            asked = _QUESTIONS.decode(line)
            command = self._commands[asked.command]
        except (msgspec.DecodeError, KeyError):
            return _error(errors.InvalidRequest("local_question_invalid", "no such command here"))
        try:
            return await command(bytes(asked.given))
        except PaywardenError as fault:
            return _error(fault)
        except Exception as fault:
            logger().error("local_command_fault", error_type=type(fault).__name__)
            return _error(Unavailable("internal_fault", "a fault of the server; see its log"))


def ask(path: Path, command: str, given: msgspec.Struct) -> Told | None:
    """What the server of a home says; None when none listens. Errors: as the command."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_SECONDS)
            line.connect(str(path))
            question = Question(command, msgspec.Raw(msgspec.json.encode(given)))
            line.sendall(msgspec.json.encode(question) + b"\n")
            with line.makefile("rb") as answer:
                octets = answer.readline(ANSWER_LIMIT)
    except (FileNotFoundError, ConnectionRefusedError):
        return None
    except OSError as fault:
        raise Unavailable(
            "server_unreachable", f"the home's server does not answer ({type(fault).__name__})"
        ) from None
    try:
        told = _TOLD.decode(octets)
    except msgspec.DecodeError:
        raise Unavailable(
            "server_unreachable", "the home's server did not answer: only its own user may ask"
        ) from None
    if told.kind:
        raise _KINDS.get(told.kind, Unavailable)(told.code, told.detail, pointer=told.pointer)
    return told


_QUESTIONS: Final = msgspec.json.Decoder(Question)
_TOLD: Final = msgspec.json.Decoder(Told)
_KINDS: Final[Mapping[str, type[PaywardenError]]] = {
    kind.__name__: kind
    for kind in (errors.InvalidRequest, errors.NotFound, errors.NotPermitted, errors.Conflict,
                 errors.Corrupt)
}  # fmt: skip


def _error(fault: PaywardenError) -> Told:
    kind = next((name for name, one in _KINDS.items() if isinstance(fault, one)), "Unavailable")
    return Told(kind=kind, code=fault.code, detail=fault.detail, pointer=fault.pointer)


def _bound(path: Path) -> socket.socket:
    """A socket of mode 0600 at `path`. The mask is the process's: nothing else runs meanwhile."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        made.bind(str(path))
    except OSError:
        made.close()
        raise
    finally:
        os.umask(before)
    return made


def _is_own(writer: asyncio.StreamWriter) -> bool:
    """Whether the peer is this user, or root."""
    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as peer:
        found = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _pid, user, _group = _CREDENTIALS.unpack(found)
    return user in (0, os.getuid())
