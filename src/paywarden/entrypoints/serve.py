"""`paywarden serve`: the API on Granian, one worker, restarted when it dies.

Guards: loopback only until signed requests exist (the trust room); a taken port is a clear error
before anything starts. The worker drains on SIGTERM.
"""

from __future__ import annotations

import ipaddress
import os
import socket

from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.entrypoints.home import VARIABLE, Home
from paywarden.kit.crypto.master import load_master_key

BACKLOG = 1024
DRAIN_SECONDS = 20


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
    """Serve until SIGTERM or SIGINT; 0 afterwards."""
    home.require()
    load_master_key(home.master_key)  # a clear error here, not a worker that dies again and again
    check_address(host, port)
    os.environ[VARIABLE] = str(home.root)
    from granian import Granian
    from granian.constants import Interfaces

    Granian(
        "paywarden.entrypoints.api:create_app",
        address=host,
        port=port,
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
