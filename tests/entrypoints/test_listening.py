"""Where the API may listen: loopback, TLS, a unix socket; everything else is a clear refusal."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from paywarden.core.errors import InvalidRequest, Unavailable
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.listening import listening
from paywarden.entrypoints.settings import Server, Settings, Tls


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def refusal(root: Path, settings: Settings, host: str = "127.0.0.1") -> str:
    with pytest.raises((InvalidRequest, Unavailable)) as refused:
        listening(Home(root), settings, host, free_port())
    return refused.value.code


@pytest.fixture
def pair(tmp_path: Path) -> Tls:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = ec.generate_private_key(ec.SECP256R1())
    octets = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "key.pem").touch(mode=0o600)
    (tmp_path / "key.pem").write_bytes(octets)
    (tmp_path / "chain.pem").write_text("not a certificate")
    return Tls("chain.pem", "key.pem")


def test_loopback_is_the_default(tmp_path: Path) -> None:
    place = listening(Home(tmp_path), Settings(), "127.0.0.1", port := free_port())
    assert (place.host, place.port, place.path, place.encryption) == ("127.0.0.1", port, None, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "2001:db8::1"])
def test_other_addresses_need_tls(tmp_path: Path, host: str) -> None:
    assert refusal(tmp_path, Settings(), host) == "host_not_loopback"


def test_a_name_is_no_address(tmp_path: Path) -> None:
    assert refusal(tmp_path, Settings(), "example.org") == "host_invalid"


def test_half_a_pair_and_files_that_are_none(tmp_path: Path, pair: Tls) -> None:
    assert refusal(tmp_path, Settings(tls=Tls("chain.pem", ""))) == "tls_incomplete"
    assert refusal(tmp_path, Settings(tls=Tls("", "key.pem"))) == "tls_incomplete"
    assert refusal(tmp_path, Settings(tls=Tls("none.pem", "none.key"))) == "tls_unusable"
    assert refusal(tmp_path, Settings(tls=pair)) == "tls_unusable"


def test_a_key_that_others_may_read_is_refused(tmp_path: Path, pair: Tls) -> None:
    (tmp_path / "key.pem").chmod(0o644)
    assert refusal(tmp_path, Settings(tls=pair)) == "tls_key_open"


def test_a_socket_that_nobody_serves_is_taken_over(tmp_path: Path) -> None:
    settings = Settings(server=Server(socket="api.sock"))
    held = socket.socket(socket.AF_UNIX)
    held.bind(str(tmp_path / "api.sock"))
    held.listen()
    assert refusal(tmp_path, settings) == "socket_taken"
    held.close()
    place = listening(Home(tmp_path), settings, "127.0.0.1", 1)
    assert place.path == tmp_path / "api.sock"
    assert not os.path.lexists(tmp_path / "api.sock")


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "api.sock").write_text("mine")
    settings = Settings(server=Server(socket="api.sock"))
    assert refusal(tmp_path, settings) == "socket_is_a_file"
    assert (tmp_path / "api.sock").read_text() == "mine"
    missing = Settings(server=Server(socket="no/such/folder/api.sock"))
    assert refusal(tmp_path, missing) == "socket_folder_missing"
    assert refusal(tmp_path, Settings(server=Server(socket="x" * 101))) == "socket_path_long"
