"""`paywarden cde callers`: hand the card data environment its roster of API keys.

    publish    write it once
    watch      write it when a key was made, changed or ended, and each minute; until SIGTERM
    key        print the public key that edge and egress pin

Guards: runs as the API's user, on the house's side: reads the keys' table, never writes it, and
opens nothing of the environment but its inbox. Only live keys that may use cards are handed over.
The signing key is made on first use (`keys/callers.key`, 0600). Its public half is pinned by this
command in development alone; in production it is carried over by hand, like a key. A house that
cannot be read publishes nothing: the roster gets old, and the environment stops believing it.
"""

from __future__ import annotations

import argparse
import base64
import os
import signal
import threading
from pathlib import Path
from typing import Final

from paywarden.cde.places import Places, places_of
from paywarden.cde_client.callers import (
    CALLERS_LIMIT,
    CallerRow,
    Roster,
    public_key_of,
    signed,
)
from paywarden.cli import output
from paywarden.core.clock import Clock
from paywarden.core.errors import PaywardenError, Unavailable
from paywarden.core.instants import MICROSECONDS
from paywarden.core.secret import Secret
from paywarden.entrypoints.home import Home
from paywarden.identity.api_keys import KeyRecord
from paywarden.identity.permissions.access import permissions_of_key
from paywarden.identity.stores.sqlite import SCHEMA, SqliteKeys
from paywarden.kit.clock import SystemClock, SystemRandomness
from paywarden.kit.crypto.master import create_master_key, load_master_key
from paywarden.kit.db.reader import Reader
from paywarden.kit.db.schema import KIT
from paywarden.kit.db.writer import Writer
from paywarden.kit.log import configure, logger

LOOK_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 60
CARDS: Final = "cards:"
ROSTER_MODE: Final = 0o640  # the inbox' group: edge and egress
PIN_MODE: Final = 0o644


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One of three acts, and where the environment lies when it is not under this home."""
    parser.add_argument("act", choices=("publish", "watch", "key"))
    parser.add_argument(
        "--environment", type=Path, metavar="DIR", help="its folder (default <home>/cde)"
    )


def run(arguments: argparse.Namespace, home: Home) -> int:
    """Carry out the act. Errors: Unavailable, InvalidRequest."""
    home.require()
    seed = signing_seed(home)
    if arguments.act == "key":
        public = base64.b64encode(public_key_of(seed.expose())).decode()
        output.answer(arguments, {"public_key": public}, public)
        return output.DONE
    production = home.settings(os.environ).installation.mode == "production"
    places = Places(arguments.environment or places_of(home.root).root)
    publisher = Publisher(home, places, seed, SystemClock(), pins=not production)
    try:
        if arguments.act == "watch":
            configure()
            return _watch(publisher)
        count = publisher.publish()
        output.answer(arguments, {"callers": count}, f"{count} keys handed in")
        return output.DONE
    finally:
        publisher.close()


def signing_seed(home: Home) -> Secret[bytes]:
    """The key that signs rosters, made when it is missing. Errors: Unavailable when unsafe."""
    path = home.root / "keys" / "callers.key"
    if not path.exists():
        create_master_key(path, SystemRandomness())
    return load_master_key(path)


class Publisher:
    """Reads the house's keys and writes the environment's roster of them."""

    def __init__(
        self, home: Home, places: Places, seed: Secret[bytes], clock: Clock, *, pins: bool
    ) -> None:
        self._places, self._seed, self._clock, self._pins = places, seed, clock, pins
        self._reader = Reader(home.database)
        # Never started: whatever would write is refused.
        self._keys = SqliteKeys(self._reader, Writer(home.database, (KIT, SCHEMA)))
        self._published: tuple[int, list[CallerRow]] | None = None

    def look(self) -> bool:
        """Publish when something changed or a minute has passed; whether it did."""
        rows, now_us = self._rows(), self._clock.now_us()
        if self._published is not None:
            at_us, before = self._published
            if rows == before and 0 <= now_us - at_us < AGAIN_SECONDS * MICROSECONDS:
                return False
        self._write(rows, now_us)
        return True

    def publish(self) -> int:
        """Publish now; how many keys."""
        rows = self._rows()
        self._write(rows, self._clock.now_us())
        return len(rows)

    def close(self) -> None:
        """Close the database."""
        self._reader.close()

    def _rows(self) -> list[CallerRow]:
        now_us = self._clock.now_us()
        records = self._keys.unrevoked(CALLERS_LIMIT + 1)
        if len(records) > CALLERS_LIMIT:
            raise Unavailable("callers_too_many", f"more than {CALLERS_LIMIT} live keys")
        rows = (_row(record) for record in records if record.live_at(now_us))
        return [row for row in rows if row is not None]

    def _write(self, rows: list[CallerRow], now_us: int) -> None:
        self._pin()
        octets = signed(Roster(now_us, rows), self._seed.expose())
        _replace(self._places.callers_roster, octets, ROSTER_MODE)
        self._published = now_us, rows

    def _pin(self) -> None:
        """In development: pinned on first use, and never changed by this command."""
        if not self._pins:
            return
        pin, public = self._places.callers_pin, public_key_of(self._seed.expose())
        if not pin.exists():
            _replace(pin, public, PIN_MODE)
        elif pin.read_bytes() != public:
            raise Unavailable(
                "callers_pinned_otherwise", f"another key is pinned; remove {pin.name} by hand"
            )


def _row(record: KeyRecord) -> CallerRow | None:
    """None for a key that may do nothing with cards, or that was not used since it has a check."""
    may = permissions_of_key(record.role, record.scope.environment)
    cards = sorted(name for name in may if name.startswith(CARDS))
    if not cards or record.outside_check is None:
        return None
    return CallerRow(
        record.outside_check, record.key_id, record.scope.text, record.merchant, cards,
        record.expires_at_us,
    )  # fmt: skip


def _replace(path: Path, octets: bytes, mode: int) -> None:
    """Readers see the old or the new file, never a part. Errors: Unavailable."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(octets)
            file.flush()
            os.fchmod(handle, mode)
            os.fsync(handle)
        beside.replace(path)
    except OSError as fault:
        raise Unavailable(
            "callers_unpublished", f"{path.name} cannot be written: {fault.strerror}"
        ) from fault


def _watch(publisher: Publisher) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        try:
            publisher.look()
        except PaywardenError as fault:  # the roster gets old meanwhile, which fails closed
            logger().error("callers_unpublished", code=fault.code)
        stop.wait(LOOK_SECONDS)
    return output.DONE
