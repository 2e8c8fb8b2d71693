"""The door for commands of this machine: who may ask, what is refused, and what is never said."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from paywarden.core.errors import Conflict, InvalidRequest, NotFound, Unavailable
from paywarden.entrypoints.local_door import AT_ONCE, LINE_LIMIT, LocalDoor, Told, ask


class Given(msgspec.Struct):
    word: str = ""


class Commands:
    """One that answers, one that refuses, one that fails, one that waits."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.inside = 0

    async def echo(self, given: bytes) -> Told:
        return Told({"given": msgspec.json.decode(given)}, "words")

    async def refuse(self, given: bytes) -> Told:
        kind = {"c": Conflict, "n": NotFound}[msgspec.json.decode(given)["word"]]
        raise kind("some_code", "because", pointer="--key")

    async def fail(self, _given: bytes) -> Told:
        raise RuntimeError("a secret pw_live_x")

    async def wait(self, _given: bytes) -> Told:
        self.inside += 1
        await self.go.wait()
        return Told()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "local.sock"


@pytest.fixture
async def commands(path: Path) -> AsyncIterator[Commands]:
    made = Commands()
    door = LocalDoor(path, {
        "echo": made.echo, "refuse": made.refuse, "fail": made.fail, "wait": made.wait,
    })  # fmt: skip
    await door.open()
    yield made
    made.go.set()
    await door.close()
    assert not path.exists()


async def asked(path: Path, command: str, word: str = "") -> Told | None:
    return await asyncio.to_thread(ask, path, command, Given(word))


def sent(path: Path, octets: bytes) -> bytes:
    """What comes back for raw octets."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(str(path))
        try:
            line.sendall(octets)
            line.shutdown(socket.SHUT_WR)
            return line.makefile("rb").read()
        except ConnectionError:
            return b""


async def test_an_answer_and_refusals_with_their_kind(path: Path, commands: Commands) -> None:
    told = await asked(path, "echo", "ü")
    assert told is not None and (told.document, told.words) == ({"given": {"word": "ü"}}, "words")
    for word, kind in (("c", Conflict), ("n", NotFound)):
        with pytest.raises(kind) as caught:
            await asked(path, "refuse", word)
        assert (caught.value.code, caught.value.pointer) == ("some_code", "--key")
    with pytest.raises(InvalidRequest, match="no such command"):
        await asked(path, "other")
    with pytest.raises(Unavailable, match="see its log") as fault:
        await asked(path, "fail")
    assert "secret" not in str(fault.value)


async def test_the_socket_is_of_its_user_alone(path: Path, commands: Commands) -> None:
    mode = path.stat().st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600


@pytest.mark.parametrize(
    "octets",
    [
        b"\n",
        b"{}\n",
        b"nonsense\n",
        b'{"command":"echo"}\n',
        b'{"command":1}\n',
        b"\xff\n",
        b'{"command":"echo","given":{},"more":1}\n',
    ],
)
async def test_nonsense_is_refused(path: Path, commands: Commands, octets: bytes) -> None:
    answer = await asyncio.to_thread(sent, path, octets)
    assert msgspec.json.decode(answer, type=Told).code == "local_question_invalid"


async def test_a_line_without_end_is_dropped(path: Path, commands: Commands) -> None:
    assert await asyncio.to_thread(sent, path, b"x" * (4 * LINE_LIMIT)) == b""
    assert await asked(path, "echo") is not None


async def test_few_at_once(path: Path, commands: Commands) -> None:
    waiting = [asyncio.create_task(asked(path, "wait")) for _ in range(AT_ONCE)]
    while commands.inside < AT_ONCE:
        await asyncio.sleep(0.01)
    with pytest.raises(Unavailable, match="not answer"):
        await asked(path, "echo")
    commands.go.set()
    assert all(told is not None for told in await asyncio.gather(*waiting))
    assert await asked(path, "echo") is not None


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes somebody else")
async def test_another_user_is_not_answered(path: Path, commands: Commands) -> None:
    """Even where the file would let them in, the peer's credentials do not."""
    for each in (path.parent, *path.parents[1:3]):
        each.chmod(0o755)
    path.chmod(0o666)
    program = (
        "import os,socket,sys; os.setgid(65534); os.setuid(65534);"
        "s=socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        's.sendall(b\'{"command":"echo","given":{}}\\n\'); sys.stdout.buffer.write(s.recv(99))'
    )

    def other() -> Any:
        return subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, timeout=60
        )

    ended = await asyncio.to_thread(other)
    assert ended.stdout == b"", ended.stderr


async def test_nobody_there_is_none_and_a_dead_socket_is_taken_over(path: Path) -> None:
    assert await asked(path, "echo") is None
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    assert await asked(path, "echo") is None
    commands = Commands()
    door = LocalDoor(path, {"echo": commands.echo})
    await door.open()
    assert await asked(path, "echo") is not None
    second = LocalDoor(path, {})
    await second.open()  # somebody serves it: left alone
    await second.close()
    assert await asked(path, "echo") is not None
    await door.close()


async def test_a_path_that_is_too_long_leaves_the_door_closed(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 120)
    door = LocalDoor(path, {})
    await door.open()
    await door.close()
    assert not path.exists()
