"""Where the API listens: loopback, an address with TLS, or a unix socket behind a proxy.

Guards: an address that other machines reach needs TLS, for keys travel in a header; a private key
that others may read is refused; a taken port and a socket in use are clear errors before anything
starts. Only a process that listens on a unix socket believes the proxy's `Client-Cert` header.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.settings import Settings, Tls

SOCKET_MODE = 0o660


@dataclass(frozen=True, slots=True)
class Encryption:
    """Files of the server's TLS, and the oldest version that is spoken ("1.2" or "1.3")."""

    certificate: Path
    key: Path
    minimum: str


@dataclass(frozen=True, slots=True)
class Listening:
    """Checked: `path` for a unix socket, else host and port."""

    host: str
    port: int
    path: Path | None = None
    encryption: Encryption | None = None


def listening(home: Home, settings: Settings, host: str, port: int) -> Listening:
    """Where to listen. Errors: InvalidRequest naming the setting, Unavailable for a taken place."""
    if settings.server.socket:
        path = home.root / settings.server.socket
        check_socket(path)
        return Listening(host, port, path)
    encryption = _encryption(home.root, settings.tls)
    check_address(host, port, encrypted=encryption is not None)
    return Listening(host, port, None, encryption)


def check_address(host: str, port: int, *, encrypted: bool = False) -> None:
    """Errors: InvalidRequest for an open address without TLS, Unavailable for a taken port."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise InvalidRequest("host_invalid", "host is an IP address", pointer="--host") from None
    if not address.is_loopback and not encrypted:
        raise InvalidRequest(
            "host_not_loopback",
            "other machines would send their keys in the clear; set [tls] certificate and key, "
            "or put a proxy on this machine in front",
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


def check_socket(path: Path) -> None:
    """Remove a socket that nobody serves. Errors: Unavailable, InvalidRequest for another file."""
    if len(os.fsencode(path)) > 100:
        raise InvalidRequest("socket_path_long", "a socket's path has at most 100 octets")
    if not path.parent.is_dir():
        raise InvalidRequest("socket_folder_missing", "make the folder of the socket first")
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise InvalidRequest("socket_is_a_file", "server.socket names a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise Unavailable("socket_taken", "another process serves this socket; stop it first")


def _encryption(root: Path, tls: Tls) -> Encryption | None:
    if not tls.certificate and not tls.key:
        return None
    if not tls.certificate or not tls.key:
        raise InvalidRequest("tls_incomplete", "set both tls.certificate and tls.key")
    certificate, key = root / tls.certificate, root / tls.key
    _check_key(key)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError):
        raise InvalidRequest(
            "tls_unusable", "certificate and key cannot be read, or do not belong together",
            pointer="tls",
        ) from None  # fmt: skip
    return Encryption(certificate, key, tls.minimum)


def _check_key(key: Path) -> None:
    if key.is_file() and stat.S_IMODE(key.stat().st_mode) & 0o007:
        raise InvalidRequest(
            "tls_key_open", "everybody may read the private key; chmod 600 it", pointer="tls.key"
        )
