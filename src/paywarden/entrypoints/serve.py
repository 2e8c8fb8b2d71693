"""`paywarden serve`: the API on Granian, one worker, restarted when it dies.

Guards: where it may listen is checked before anything starts (`listening.py`). The worker drains on
SIGTERM.
"""

from __future__ import annotations

import os
from typing import Any

from paywarden.entrypoints.home import VARIABLE, Home
from paywarden.entrypoints.listening import SOCKET_MODE, Listening, listening
from paywarden.kit.crypto.master import load_master_key

BACKLOG = 1024
DRAIN_SECONDS = 20


def serve(home: Home, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; 0 afterwards."""
    home.require()
    load_master_key(home.master_key)  # a clear error here, not a worker that dies again and again
    place = listening(home, home.settings(os.environ), host, port)
    os.environ[VARIABLE] = str(home.root)
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "paywarden.entrypoints.api:create_app",
        **_place(place),
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        backlog=BACKLOG,
        respawn_failed_workers=True,
        workers_kill_timeout=DRAIN_SECONDS,
        websockets=False,
        log_access=False,
    ).serve()
    return 0


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
