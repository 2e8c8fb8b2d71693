"""Judging TLS endpoints: real handshakes against good and bad servers, and the judgement alone."""

from __future__ import annotations

import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tls_kit import Authority, tls_server

from paywarden.core.errors import Unavailable
from paywarden.core.instants import DAY_US
from paywarden.entrypoints.main import main
from paywarden.kit.clock import SystemClock
from paywarden.kit.tls.judging import judge
from paywarden.kit.tls.model import LeafCertificate, Severity, TlsObserved
from paywarden.kit.tls.probing import observe

NOW = 1_700_000_000_000_000
GOOD = LeafCertificate(
    "CN=a", "CN=b", NOW - DAY_US, NOW + 89 * DAY_US, "EC", 256, "sha256", ("a",), "00"
)
SEEN = TlsObserved(("TLSv1.2", "TLSv1.3"), (), (), "TLSv1.3 X", None, GOOD)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def faults(port: int, name: str, authority: Authority | None) -> set[str]:
    pem = None if authority is None else str(authority.pem)
    seen = observe("127.0.0.1", port, name, pem)
    found = judge(seen, SystemClock().now_us())
    return {one.code for one in found if one.severity is Severity.FAULT}


def test_a_good_endpoint_passes(authority: Authority) -> None:
    modern = "ECDHE+AESGCM:ECDHE+CHACHA20"
    with tls_server(authority.issue("a.example"), ciphers=modern) as port:
        assert faults(port, "a.example", authority) == set()
        assert faults(port, "b.example", authority) == {"not_trusted"}
        assert faults(port, "a.example", None) == {"not_trusted"}


def test_old_versions_and_weak_suites_are_named(authority: Authority) -> None:
    made = authority.issue("a.example")
    with tls_server(
        made, ciphers="ALL:@SECLEVEL=0", minimum_version=ssl.TLSVersion.TLSv1_2
    ) as port:
        seen = observe("127.0.0.1", port, "a.example", str(authority.pem))
    assert "CBC with SHA-1" in seen.weak
    assert "weak_cipher" in {one.code for one in judge(seen, SystemClock().now_us())}


def test_a_weak_key_and_an_ended_certificate(authority: Authority) -> None:
    small = rsa.generate_private_key(65_537, 1_024)
    made = authority.issue("a.example", key=small)
    with tls_server(made, ciphers="ECDHE+AESGCM:@SECLEVEL=0") as port:
        assert "key_weak" in faults(port, "a.example", authority)
    ended = authority.issue("c.example", days=1, since=5)
    with tls_server(ended, ciphers="ECDHE+AESGCM") as port:
        assert faults(port, "c.example", authority) == {"certificate_ended", "not_trusted"}


def test_a_port_without_tls_and_one_without_anybody(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as plain:
        port = plain.getsockname()[1]
    with pytest.raises(Unavailable) as refused:
        observe("127.0.0.1", port, "a.example", None)
    assert refused.value.code == "endpoint_unreachable"


@pytest.mark.parametrize(
    ("changes", "code", "severity"),
    [
        ({"versions": ()}, "no_tls", "fault"),
        ({"versions": ("TLSv1", "TLSv1.2")}, "old_version", "fault"),
        ({"versions": ("TLSv1.2",)}, "no_tls13", "warning"),
        ({"weak": ("RC4",)}, "weak_cipher", "fault"),
        ({"trust_fault": "unknown"}, "not_trusted", "fault"),
        ({"untried": ("RC4",)}, "untried", "note"),
        ({"leaf.not_after_us": NOW}, "certificate_ended", "fault"),
        ({"leaf.not_after_us": NOW + 20 * DAY_US}, "certificate_ends_soon", "warning"),
        ({"leaf.not_before_us": NOW + 1}, "certificate_not_yet_valid", "fault"),
        ({"leaf.not_after_us": NOW + 900 * DAY_US}, "certificate_long_lived", "warning"),
        ({"leaf.key_bits": 224}, "key_weak", "fault"),
        ({"leaf.key_kind": "DSA"}, "key_weak", "fault"),
        ({"leaf.signature_hash": "sha1"}, "signature_weak", "fault"),
        ({"leaf.names": ()}, "no_names", "fault"),
    ],
)
def test_each_judgement(changes: dict[str, Any], code: str, severity: str) -> None:
    from dataclasses import replace

    leaf = {k.removeprefix("leaf."): v for k, v in changes.items() if k.startswith("leaf.")}
    own = {k: v for k, v in changes.items() if not k.startswith("leaf.")}
    seen = replace(SEEN, leaf=replace(GOOD, **leaf), **own)
    found = {one.code: one.severity.value for one in judge(seen, NOW)}
    assert found[code] == severity
    assert {one.code for one in judge(SEEN, NOW)} == {"agreed"}


def test_the_command(
    authority: Authority, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = ["--home", str(tmp_path)]
    with tls_server(authority.issue("a.example"), ciphers="ECDHE+AESGCM") as port:
        place = f"127.0.0.1:{port}"
        trusted = ["doctor", "tls", place, "--name", "a.example", "--ca", str(authority.pem)]
        assert main([*home, *trusted, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert document["passed"] is True
        assert document["certificate"]["names"] == ["a.example"]
        assert main([*home, "doctor", "tls", place]) == 1
        assert "not_trusted" in capsys.readouterr().out
    assert main([*home, "doctor", "tls", "nonsense"]) == 3
    assert main([*home, "doctor", "tls", place]) == 4
