"""A real server with the identity operations alone, over a socket: quick to start, nothing faked.

Runs uvicorn in a thread over a migrated database; the other operations of the API are there too, as
they are declared, but over no services: whoever got past the gate would meet a fault.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

import paywarden
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.decision.problems import CODES
from paywarden.entrypoints import api
from paywarden.entrypoints.approvals_wiring import wired
from paywarden.entrypoints.people_wiring import People
from paywarden.entrypoints.settings import Identity, Settings
from paywarden.identity.api_keys import ApiKeyAuthenticator
from paywarden.identity.approvals.service import Approvals
from paywarden.identity.directory import Profile
from paywarden.identity.person_acts import PersonActs
from paywarden.identity.request_authenticator import COOKIE
from paywarden.identity.stores.sqlite import SCHEMA, SqliteKeys
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.subjects import SubjectKeyRing
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.writer import Writer
from paywarden.kit.http import app as http_app
from paywarden.kit.http.operation import Operation
from paywarden.kit.http.surroundings import Surroundings
from paywarden.kit.http.system import SystemOperations
from paywarden.kit.metrics import Metrics
from paywarden.kit.stores.memory_subject_keys import MemoryWrappedKeys

SCOPE = Scope("default", Environment.TEST)
MASTER = Secret(b"m" * 32)
BROWSER = {"paywarden-request": "1"}
START_SECONDS = 60.0


class PeopleServer:
    """The server's database and services, and short ways to act as a browser."""

    def __init__(self, folder: Path, port: int) -> None:
        self.origin, self.scope = f"http://localhost:{port}", SCOPE
        path = folder / "paywarden.sqlite"
        migrate(path, (KIT, SCHEMA))
        clock, chance = SystemClock(), SystemRandomness()
        self.reader = Reader(path)
        ring = SubjectKeyRing(MASTER, MemoryWrappedKeys(), chance)
        self.audit = SqliteAuditLog(self.reader)
        self.writer = Writer(path, (KIT, SCHEMA), (ring, self.audit))
        self.writer.start()
        self.keys = SqliteKeys(self.reader, self.writer)
        settings = Settings(identity=Identity(origin=self.origin))
        self.people = People(
            settings, folder, self.reader, self.writer, self.audit, ring, MASTER,
            ApiKeyAuthenticator(self.keys, MASTER, clock), clock, chance,
        )  # fmt: skip
        self.approvals = wired(
            settings, self.people.roster, self.reader, self.writer, self.audit, MASTER, clock,
            chance,
        )  # fmt: skip
        PersonActs(self.people.directory, self.people.origin).register(self.approvals)
        self.operations = all_operations(self.people, self.approvals)
        around = Surroundings(
            self.people.authenticator, clock, chance, Metrics(), origins=frozenset({self.origin})
        )
        self.app = http_app.build(self.operations, around)

    def link(self, login: str = "ann", roles: tuple[str, ...] = ()) -> str:
        """The token of a fresh one-time link."""
        profile = Profile(login, login.title(), f"{login}@example.org")
        invited = self.people.directory.invite(SCOPE, profile, "cli:people", None, roles)
        return asyncio.run(invited)[1].expose()

    def browser(self, **headers: str) -> Browser:
        """A client that keeps our cookie, as a browser on https would."""
        return Browser(self.origin, {**BROWSER, "origin": self.origin, **headers})

    def close(self) -> None:
        """Close the database."""
        self.writer.close()
        self.reader.close()


class Browser:
    """Calls under /v1/identity with the cookie of the answer before."""

    def __init__(self, origin: str, headers: dict[str, str]) -> None:
        self._client = httpx.Client(base_url=origin, headers=headers, timeout=30)
        self.token = ""

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One call; a cookie that is set replaces the one before."""
        sent = dict(headers)
        if self.token:
            sent["cookie"] = f"{COOKIE}={self.token}"
        answer = self._client.request(method, path, json=body, headers=sent)
        given = answer.headers.get("set-cookie", "")
        if given.startswith(COOKIE):
            self.token = given.split(";")[0].partition("=")[2]
        return answer

    def post(self, step: str, body: Any = None) -> dict[str, Any]:
        """POST under /v1/identity that must succeed."""
        answer = self.call("POST", f"/v1/identity/{step}", body)
        assert answer.is_success, answer.text
        read: dict[str, Any] = answer.json()
        return read

    def close(self) -> None:
        """End the connection."""
        self._client.close()


class Nothing:
    """Stands for every service outside identity: the gate must hold before they are reached."""

    def __init__(self, **known: Any) -> None:
        self.__dict__.update(known)

    def __getattr__(self, _name: str) -> Any:
        return Nothing()


def all_operations(people: People, approvals: Approvals) -> list[Operation]:
    """Every operation of the API as the process lists them; only identity has services."""
    system = SystemOperations(paywarden.__version__, Metrics(), lambda: (), CODES)
    installation: Any = Nothing(people=people, approvals=approvals)
    listed = api.operations(installation, system)
    system.describe(listed)
    return listed


@contextmanager
def serving(folder: Path) -> Iterator[PeopleServer]:
    """A running server on a free loopback port."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen(128)
        server = PeopleServer(folder, held.getsockname()[1])
        config = uvicorn.Config(server.app, log_level="error", lifespan="off", ws="none")
        running = uvicorn.Server(config)

        async def serve() -> None:
            await running.serve(sockets=[held])
            await server.people.close()

        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
        try:
            ends = time.monotonic() + START_SECONDS
            while not running.started and time.monotonic() < ends:
                time.sleep(0.02)
            assert running.started
            yield server
        finally:
            running.should_exit = True
            thread.join(START_SECONDS)
            server.close()
