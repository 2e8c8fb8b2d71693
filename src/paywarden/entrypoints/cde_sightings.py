"""`paywarden cde sightings list|triage|close`, and keeping the sightings of a scan.

Guards: the file and the key of fingerprints lie in the folder `cde` of the home, for its owner
only. Exit codes as everywhere; a step that is not allowed is a conflict (4).
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import msgspec

from paywarden.cde.discovery.findings import Findings
from paywarden.cde.discovery.sightings import Sighting, SightingDesk, State
from paywarden.cde.discovery.stores.sqlite_sightings import SqliteSightings
from paywarden.cli import output
from paywarden.cli.cde_sightings import add_arguments, words
from paywarden.core.clock import Clock, Randomness
from paywarden.core.errors import Corrupt
from paywarden.core.secret import Secret
from paywarden.entrypoints.home import Home
from paywarden.kit.clock import SystemClock, SystemRandomness

_KEY_OCTETS = 32

__all__ = ["add_arguments", "run"]


def run(arguments: argparse.Namespace, home: Home) -> int:
    """List sightings, or take one a step on."""
    clock = SystemClock()
    store, desk = _desk(home, SystemRandomness())
    try:
        if arguments.act == "list":
            state = State(arguments.state) if arguments.state else None
            found = desk.listed(state)
        else:
            state = State.CLOSED
            if arguments.act == "triage":
                state = State(arguments.finding or "triaged")
            by, reason = arguments.by, arguments.reason
            found = [desk.move(arguments.sighting, state, by, reason, clock.now_us())]
    finally:
        store.close()
    document = {"sightings": [_shown(one) for one in found]}
    output.answer(arguments, document, words(document["sightings"]))
    return output.DONE


def record(
    home: Home, target: str, findings: Findings, clock: Clock, randomness: Randomness
) -> dict[str, int]:
    """Keep what a scan of `target` found; counts of new, seen again, missed."""
    store, desk = _desk(home, randomness)
    try:
        unread = [one.path for one in findings.skipped]
        return desk.record(target, findings.found, unread, clock.now_us())
    finally:
        store.close()


def _desk(home: Home, randomness: Randomness) -> tuple[SqliteSightings, SightingDesk]:
    folder = home.root / "cde"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = _key(folder / "sightings.key", randomness)
    store = SqliteSightings(folder / "sightings.db")
    return store, SightingDesk(store, key)


def _key(path: Path, randomness: Randomness) -> Secret[bytes]:
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        octets = path.read_bytes()
        if len(octets) != _KEY_OCTETS:
            raise Corrupt("sightings_key_damaged", "the key has another size") from None
        return Secret(octets)
    octets = randomness.octets(_KEY_OCTETS)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    return Secret(octets)


def _shown(one: Sighting) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(one)
    return document
