"""A clock, a chance and a sender that tests steer, and a worker's stores over fresh databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.unit import UnitOfWork
from paywarden.kit.db.writer import Writer
from paywarden.kit.outbox import Outbox, enqueue
from paywarden.kit.stores.sqlite_webhook_deliveries import WEBHOOK_DELIVERIES, SqliteDeliveries
from paywarden.kit.stores.sqlite_webhook_endpoints import WEBHOOK_ENDPOINTS, SqliteEndpoints
from paywarden.kit.webhooks import signatures
from paywarden.kit.webhooks.catalogue import Catalogue, EventType
from paywarden.kit.webhooks.delivering import Deliverer
from paywarden.kit.webhooks.model import Attempt, Endpoint, EndpointId, SecretKind
from paywarden.kit.webhooks.secret_box import SecretBox
from paywarden.kit.webhooks.taking_over import TakingOver

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
SCOPE = Scope("acme", Environment.TEST)
OTHER = Scope("other", Environment.TEST)


class Thing(msgspec.Struct, frozen=True):
    """Data of the test's event type."""

    name: str
    merchant_id: str | None = None


class SteeredClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def now_us(self) -> int:
        return self.now

    def monotonic_ns(self) -> int:
        return self.now * 1_000


class Counted:
    """Randomness that never repeats and is the same every time."""

    def __init__(self) -> None:
        self._number = 0

    def octets(self, count: int) -> bytes:
        self._number += 1
        return self._number.to_bytes(count, "little")


@dataclass
class FakeSender:
    """Answers as it was told; keeps what was sent."""

    answer: Callable[[str], Attempt] = lambda _url: Attempt(START, 1, 200, None)
    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        self.sent.append((url, dict(headers), body))
        return self.answer(url)


def answering(status: int | None, fault: str | None = None, wait: int | None = None) -> Any:
    return lambda _url: Attempt(START, 1, status, fault, wait)


class Post:
    """One outbox, its endpoints and a worker with a steered sender."""

    def __init__(self, writer: Writer, reader: Reader, deliveries: SqliteDeliveries) -> None:
        self.clock, self.chance, self.sender = SteeredClock(), Counted(), FakeSender()
        self.writer = writer
        key = Secret(b"k" * 32)
        self.endpoints = SqliteEndpoints(reader, SecretBox(key, self.chance))
        self.deliveries = deliveries
        self.outbox = Outbox(reader)
        catalogue = Catalogue([EventType("thing.made", "A thing was made", Thing)])
        self.taking_over = TakingOver(
            self.outbox, self.endpoints, deliveries, catalogue, key, self.clock
        )
        self.deliverer = Deliverer(
            self.taking_over, self.endpoints, deliveries, self.sender, self.clock, self.chance
        )

    def add(self, scope: Scope = SCOPE, **given: Any) -> Endpoint:
        """A stored endpoint."""
        secret = signatures.new_secret(SecretKind.HMAC, self.chance, self.clock.now)
        one = Endpoint(
            EndpointId.new(self.chance).text, scope, given.get("url", "https://a.example/in"),
            tuple(given.get("events", ("*",))), "", given.get("merchant"), (secret,),
            self.clock.now, "key_a", given.get("disabled", False),
        )  # fmt: skip
        unit = UnitOfWork()
        self.endpoints.add(unit, one)
        self.writer.submit(unit).result(10)
        return one

    def tell(self, *names: str, scope: Scope = SCOPE, merchant: str | None = None) -> None:
        """Put events into the outbox."""
        unit = UnitOfWork()
        for name in names:
            body = msgspec.json.encode(Thing(name, merchant))
            enqueue(unit, scope, "thing.made", body, self.clock.now)
        self.writer.submit(unit).result(10)

    def ask(self, build: Callable[[UnitOfWork], None]) -> None:
        """Commit a unit that `build` fills."""
        unit = UnitOfWork()
        build(unit)
        self.writer.submit(unit).result(10)

    async def work(self, after_seconds: float = 0.0) -> list[bytes]:
        """Take over and send what is due after a pause; the bodies that were sent."""
        self.clock.now += int(after_seconds * SECOND)
        before = len(self.sender.sent)
        while self.taking_over.step():
            pass
        await self.deliverer.send_due()
        await self.deliverer.settle()
        return [body for _, _, body in self.sender.sent[before:]]

    def states(self, endpoint: Endpoint) -> list[tuple[str, int]]:
        """State and attempts of each delivery, oldest first."""
        found = self.deliveries.page(endpoint.scope, endpoint.id, 2**62, None, 200)
        return [(one.state.value, one.attempts) for one in reversed(found)]


@contextmanager
def opened(folder: Path) -> Iterator[Post]:
    """A post over the databases of `folder`, made if they are not there."""
    log, own = folder / "paywarden.sqlite", folder / "webhooks.sqlite"
    migrate(log, [KIT, WEBHOOK_ENDPOINTS])
    migrate(own, [WEBHOOK_DELIVERIES])
    with ExitStack() as stack:
        made = []
        for path, parts in ((log, [KIT, WEBHOOK_ENDPOINTS]), (own, [WEBHOOK_DELIVERIES])):
            reader, writer = Reader(path), Writer(path, parts)
            stack.callback(reader.close)
            writer.start()
            stack.callback(writer.close)
            made.append((writer, reader))
        (writer, reader), (own_writer, own_reader) = made
        yield Post(writer, reader, SqliteDeliveries(own_reader, own_writer))
