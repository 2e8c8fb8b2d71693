"""`paywarden serve`: the API on Granian, one worker, started again when it dies.

Guards: where it may listen is checked before anything starts (`listening.py`). A worker that cannot
start (a damaged log, another server on the home) is not started again: the server ends with its
error and a code that says so. One that dies while it serves is, unless it dies young several times
in a row. The worker drains on SIGTERM. One that refused a card number is replaced while it still
answers (`recycling.py`).
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

from paywarden.core.errors import Unavailable
from paywarden.entrypoints import start_report
from paywarden.entrypoints.home import VARIABLE, Home
from paywarden.entrypoints.listening import SOCKET_MODE, Listening, listening
from paywarden.kit.crypto.master import load_master_key

BACKLOG = 1024
DRAIN_SECONDS = 20
SUCCESSOR_SECONDS = 15.0
"""How long a worker that is replaced goes on beside its successor, which loads its program."""
SHORT_SECONDS = 60.0
SHORT_LIVES = 3


def serve(home: Home, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; 0 afterwards. Errors: what a worker could not start for."""
    home.require()
    load_master_key(home.master_key)  # a clear error here, before a worker is started for nothing
    place = listening(home, home.settings(os.environ), host, port)
    os.environ[VARIABLE] = str(home.root)
    short_lives = 0
    with tempfile.TemporaryDirectory(prefix="paywarden-") as folder:
        note = Path(folder) / "start.json"
        os.environ[start_report.VARIABLE] = str(note)
        while True:
            note.write_bytes(b"")
            born = time.monotonic()
            if _lived_well(place):
                return 0
            failure = start_report.left_in(note)
            if failure is not None:
                raise failure
            short_lives = 0 if time.monotonic() - born > SHORT_SECONDS else short_lives + 1
            if short_lives >= SHORT_LIVES:
                raise Unavailable(
                    "worker_dies", "the worker died several times in a row; its log says more"
                )


def _lived_well(place: Listening) -> bool:
    """Run a worker until it is asked to end (True) or ends by itself (False)."""
    from granian import Granian
    from granian.constants import Interfaces, Loops

    server = Granian(
        "paywarden.entrypoints.api:create_app",
        **_place(place),
        interface=Interfaces.ASGI,
        loop=Loops.uvloop,  # a third less work a request than asyncio's own; named, never guessed
        factory=True,
        workers=1,
        backlog=BACKLOG,
        workers_kill_timeout=DRAIN_SECONDS,
        respawn_interval=SUCCESSOR_SECONDS,
        websockets=False,
        log_access=False,
    )
    try:
        server.serve()
    except SystemExit as end:
        return not end.code
    return True


def _place(place: Listening) -> dict[str, Any]:
    """Granian's words for a place. Its TLS (rustls) has modern suites only."""
    from granian.constants import SSLProtocols

    if place.path is not None:
        return {"uds": place.path, "uds_permissions": SOCKET_MODE}
    words: dict[str, Any] = {"address": place.host, "port": place.port}
    if place.encryption is not None:
        oldest = {"1.2": SSLProtocols.tls12, "1.3": SSLProtocols.tls13}
        words |= {
            "ssl_cert": place.encryption.certificate,
            "ssl_key": place.encryption.key,
            "ssl_protocol_min": oldest[place.encryption.minimum],
        }
    return words
