"""`paywarden serve`: the API on Granian, one worker, started again when it dies.

Guards: loopback only until signed requests exist (the trust room); a taken port is a clear error
before anything starts. A worker that cannot start (a damaged log, another server on the home) is
not started again: the server ends with its error and a code that says so. One that dies while it
serves is, unless it dies young several times in a row. The worker drains on SIGTERM.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
import time
from pathlib import Path

from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.entrypoints import start_report
from paywarden.entrypoints.home import VARIABLE, Home
from paywarden.kit.crypto.master import load_master_key

BACKLOG = 1024
DRAIN_SECONDS = 20
SHORT_SECONDS = 60.0
SHORT_LIVES = 3


def check_address(host: str, port: int) -> None:
    """Errors: InvalidRequest for an address that is not loopback, Unavailable for a taken port."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise InvalidRequest("host_invalid", "host is an IP address", pointer="--host") from None
    if not address.is_loopback:
        raise InvalidRequest(
            "host_not_loopback",
            "the API listens on loopback only until signed requests are set up; "
            "put a TLS proxy on this machine in front of it",
            pointer="--host",
        )
    if port_taken(str(address), port):
        raise Unavailable(
            "port_taken", f"port {port} is taken; stop its owner or choose another with --port"
        )


def port_taken(host: str, port: int) -> bool:
    """Whether something listens there already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def serve(home: Home, host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT; 0 afterwards. Errors: what a worker could not start for."""
    home.require()
    load_master_key(home.master_key)  # a clear error here, before a worker is started for nothing
    check_address(host, port)
    os.environ[VARIABLE] = str(home.root)
    short_lives = 0
    with tempfile.TemporaryDirectory(prefix="paywarden-") as folder:
        note = Path(folder) / "start.json"
        os.environ[start_report.VARIABLE] = str(note)
        while True:
            note.write_bytes(b"")
            born = time.monotonic()
            if _lived_well(host, port):
                return 0
            failure = start_report.left_in(note)
            if failure is not None:
                raise failure
            short_lives = 0 if time.monotonic() - born > SHORT_SECONDS else short_lives + 1
            if short_lives >= SHORT_LIVES:
                raise Unavailable(
                    "worker_dies", "the worker died several times in a row; its log says more"
                )


def _lived_well(host: str, port: int) -> bool:
    """Run a worker until it is asked to end (True) or ends by itself (False)."""
    from granian import Granian
    from granian.constants import Interfaces

    server = Granian(
        "paywarden.entrypoints.api:create_app",
        address=host,
        port=port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=1,
        backlog=BACKLOG,
        workers_kill_timeout=DRAIN_SECONDS,
        websockets=False,
        log_access=False,
    )
    try:
        server.serve()
    except SystemExit as end:
        return not end.code
    return True
