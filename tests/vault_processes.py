"""A real key agent and a real vault over one home, for journeys and attacks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from paywarden.cde.frame_client import FrameClient
from paywarden.cde.keys.client import KeyAgent
from paywarden.cde.places import places_of
from paywarden.cde.proofs import load_proof
from paywarden.cde.vault.client import Vault

MAIN = [sys.executable, "-m", "paywarden.entrypoints.main"]
WAIT_SECONDS = 60
CAPS = "per_caller = 1000000\nper_look = 1000000\nper_look_scope = 1000000\n"


def answers(path: Path) -> bool:
    """Whether somebody listens at a socket; its file is there before that."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


class CardProcesses:
    """`start` and `kill` them by name; clients speak as any caller."""

    def __init__(self, home: Path) -> None:
        self.home, self.places = home, places_of(home)
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._clients: list[FrameClient] = []
        subprocess.run([*MAIN, "--home", str(home), "cde", "init"], check=True, capture_output=True)
        settings = f'[vault]\nmode = "development"\n[caps]\n{CAPS}'
        (self.places.vault / "vault.toml").write_text(settings)

    def start(self, name: str) -> None:
        command = [*MAIN, "--home", str(self.home), "cde", name]
        log = self.home / f"{name}.log"
        with log.open("ab") as errors:
            self.running[name] = subprocess.Popen(command, stderr=errors, env=os.environ)
        path = self.places.keys_socket if name == "key-agent" else self.places.vault_socket
        end = time.monotonic() + WAIT_SECONDS
        while not answers(path):
            if self.running[name].poll() is not None or time.monotonic() > end:
                raise AssertionError(f"{name} did not start: {log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self, name: str) -> None:
        """kill -9, as a power cut would; the socket's file stays behind."""
        process = self.running.pop(name)
        process.kill()
        process.wait(WAIT_SECONDS)
        path = self.places.keys_socket if name == "key-agent" else self.places.vault_socket
        path.unlink(missing_ok=True)

    def stop(self) -> None:
        for name in ("vault", "key-agent"):
            process = self.running.pop(name, None)
            if process is not None:
                process.send_signal(signal.SIGTERM)
                assert process.wait(WAIT_SECONDS) == 0

    def vault(self, caller: str) -> Vault:
        return Vault(self._frames(self.places.vault_socket, caller))

    def agent(self, caller: str) -> KeyAgent:
        return KeyAgent(self._frames(self.places.keys_socket, caller))

    def _frames(self, path: Path, caller: str) -> FrameClient:
        frames = FrameClient(path, caller, load_proof(self.places.run, caller), timeout_seconds=30)
        self._clients.append(frames)
        return frames

    async def close_clients(self) -> None:
        for client in self._clients:
            await client.close()
        self._clients.clear()
