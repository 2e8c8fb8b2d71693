"""`paywarden cde serve`: key agent, vault, callers' roster, edge and egress as children.

Guards: each is a process of its own with its own closure; they start in the order in which they
need each other, and each must answer before the next is started. When one ends, all are ended and
the command says which; SIGTERM and SIGINT end them in reverse order. Should this process die
itself, their standard input closes and they end too (`demo_child`). For development and small
installations; in production the service manager starts each under its own user.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Final

from paywarden.cde.places import places_of
from paywarden.cli import output
from paywarden.core.errors import Unavailable
from paywarden.entrypoints.home import Home

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
LOOK_SECONDS: Final = 0.1
HOST: Final = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Ports of the two that speak HTTP."""
    parser.add_argument("--port", type=int, default=8090, help="of the edge")
    parser.add_argument("--egress-port", type=int, default=8091)
    parser.add_argument("--origin", help="origin of the card fields behind the proxy, https://...")


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Serve until SIGTERM or SIGINT. Errors: Unavailable `child_ended` naming the process."""
    home.require()
    family = Family(home)
    signal.signal(signal.SIGTERM, family.asked_to_end)
    signal.signal(signal.SIGINT, family.asked_to_end)
    try:
        for child in _children(arguments, home):
            if not family.start(child):
                return output.DONE
        output.tell(f"card data environment ready: edge at http://{HOST}:{arguments.port}")
        family.watch()
    finally:
        family.end()
    return output.DONE


@dataclass(frozen=True, slots=True)
class Child:
    """A command of `paywarden cde`, and how one sees that it answers."""

    name: str
    words: tuple[str, ...]
    answers: Callable[[], bool]


def _children(arguments: argparse.Namespace, home: Home) -> list[Child]:
    places, edge, egress = places_of(home.root), arguments.port, arguments.egress_port
    origin = ("--origin", arguments.origin) if arguments.origin else ()
    began_ns = time.time_ns()
    return [
        Child("key-agent", (), lambda: _speaks(places.keys_socket)),
        Child("vault", (), lambda: _speaks(places.vault_socket)),
        Child("callers", ("watch",), lambda: _newer(places.callers_roster, began_ns)),
        Child("edge", ("--port", str(edge), *origin), lambda: _listens(edge)),
        Child("egress", ("--port", str(egress)), lambda: _listens(egress)),
    ]


def _speaks(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        return path.exists() and probe.connect_ex(str(path)) == 0


def _newer(path: Path, than_ns: int) -> bool:
    # Directory entries bear the kernel's clock of ticks, which lags by some milliseconds.
    return path.exists() and path.stat().st_mtime_ns >= than_ns - 100_000_000


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


@dataclass(slots=True)
class Family:
    """The children that run."""

    home: Home
    running: list[tuple[Child, subprocess.Popen[bytes]]] = field(default_factory=list)
    ending: bool = False

    def asked_to_end(self, _number: int, _frame: FrameType | None) -> None:
        """What the signal handlers call."""
        self.ending = True

    def start(self, child: Child) -> bool:
        """Start one and wait until it answers; False when asked to end meanwhile."""
        words = [sys.executable, "-m", "paywarden.entrypoints.demo_child"]
        words += ["--home", str(self.home.root), "cde", child.name, *child.words]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603
        self.running.append((child, process))
        ends = time.monotonic() + START_SECONDS
        while not self.ending and not child.answers():
            self.look()
            if time.monotonic() > ends:
                raise Unavailable("child_silent", f"{child.name} did not answer in time; see above")
            time.sleep(LOOK_SECONDS)
        return not self.ending

    def watch(self) -> None:
        """Until asked to end. Errors: Unavailable `child_ended`."""
        while not self.ending:
            self.look()
            time.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Pass while all live. Errors: Unavailable `child_ended`."""
        for child, process in self.running:
            code = process.poll()
            if code is not None and not self.ending:
                raise Unavailable(
                    "child_ended", f"{child.name} ended with {code}, so all were ended; see above"
                )

    def end(self) -> None:
        """End all, the last started first; who does not go is made to."""
        for _, process in reversed(self.running):
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin is not None:
                process.stdin.close()
