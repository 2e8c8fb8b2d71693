"""TLS straight from the server, judged by our doctor and by sslyze."""

from __future__ import annotations

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from test_support_api import START_SECONDS, fleet, free_port

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kit"))
from tls_kit import Authority, tls_server

ALLOWED_BY_SSLYZE = {
    "certificate_info",  # an authority of the test's own is in no public store
}
"""Items of the Mozilla profile that a private authority cannot satisfy."""


@contextmanager
def serving(home: Path, *words: str, **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PAYWARDEN_")}
    with (home / "serve.log").open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "paywarden.entrypoints.main", "--home", str(home), "serve",
             *words],
            env={**kept, **environ}, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def home_of(folder: Path) -> Path:
    home = folder / "home"
    shutil.copytree(fleet().template, home)
    return home


def ready(client: httpx.Client, home: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError((home / "serve.log").read_text()[-4000:])


@pytest.fixture(scope="module")
def secure(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[int, Authority, httpx.Client]]:
    folder = tmp_path_factory.mktemp("secure")
    home, authority, port = home_of(folder), Authority(folder / "tls"), free_port()
    made = authority.issue("localhost")
    context = ssl.create_default_context(cafile=str(authority.pem))
    with (
        serving(
            home, "--port", str(port), PAYWARDEN_TLS__CERTIFICATE=str(made.certificate),
            PAYWARDEN_TLS__KEY=str(made.key),
        ),
        httpx.Client(base_url=f"https://localhost:{port}", verify=context, timeout=10) as client,
    ):  # fmt: skip
        ready(client, home)
        yield port, authority, client


def test_a_decision_over_tls(secure: tuple[int, Authority, httpx.Client]) -> None:
    _, _, client = secure
    assert fleet()._keys is not None
    client.headers["authorization"] = f"Bearer {fleet()._keys['operator']}"
    payment = {
        "id": "tls-1", "type": "card_payment", "occurred_at": "2026-11-22T01:02:03Z",
        "amount_minor": 100, "currency": "EUR",
    }  # fmt: skip
    answer = client.post("/v1/decisions", json={"payment": payment})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"] == "allow"


def test_plain_http_and_old_tls_get_nothing(secure: tuple[int, Authority, httpx.Client]) -> None:
    port, authority, _ = secure
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://localhost:{port}/livez", timeout=5)
    old = ssl.create_default_context(cafile=str(authority.pem))
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert httpx.get(f"https://localhost:{port}/livez", verify=old).status_code == 200
    old.set_ciphers("AES128-SHA:ECDHE-ECDSA-AES128-SHA")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"https://localhost:{port}/livez", verify=old)


def test_the_doctor_passes_it(secure: tuple[int, Authority, httpx.Client]) -> None:
    port, authority, _ = secure
    done = subprocess.run(
        [sys.executable, "-m", "paywarden.entrypoints.main", "doctor", "tls", f"localhost:{port}",
         "--ca", str(authority.pem), "--json"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert {one["code"] for one in json.loads(done.stdout)["findings"]} <= {"agreed", "untried"}


def test_sslyze_finds_nothing_but_what_is_named(
    secure: tuple[int, Authority, httpx.Client], tmp_path: Path
) -> None:
    port, _, _ = secure
    found = sslyze_findings(f"localhost:{port}", tmp_path / "sslyze.json")
    assert set(found) <= ALLOWED_BY_SSLYZE, found


def sslyze_findings(target: str, file: Path) -> dict[str, Any]:
    """What sslyze holds against an endpoint, by the name of its scan."""
    program = os.environ.get("PAYWARDEN_SSLYZE") or shutil.which("sslyze")
    if program is None:
        pytest.skip("sslyze is absent: PAYWARDEN_SSLYZE names it")
    scans = ["sslv2", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "compression",
             "heartbleed", "openssl_ccs", "early_data", "reneg", "robot", "certinfo"]  # fmt: skip
    subprocess.run(
        [program, *(f"--{name}" for name in scans), "--json_out", str(file),
         "--mozilla_config=disable", target],
        capture_output=True, timeout=180, check=False,
    )  # fmt: skip
    results = json.loads(file.read_text())["server_scan_results"][0]["scan_result"]
    found: dict[str, Any] = {}
    for name in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
        accepted = results[f"{name}_cipher_suites"]["result"]["accepted_cipher_suites"]
        if accepted:
            found[name] = accepted
    for name in ("tls_1_2", "tls_1_3"):
        accepted = results[f"{name}_cipher_suites"]["result"]["accepted_cipher_suites"]
        names = [one["cipher_suite"]["name"] for one in accepted]
        weak = [one for one in names if "GCM" not in one and "CHACHA20" not in one]
        weak += [one for one in names if one.startswith("TLS_RSA_")]
        if weak or not names:
            found[name] = weak or "nothing accepted"
    simple = {
        "tls_compression": "supports_compression",
        "heartbleed": "is_vulnerable_to_heartbleed",
        "openssl_ccs_injection": "is_vulnerable_to_ccs_injection",
        "tls_1_3_early_data": "supports_early_data",
    }
    for scan, field in simple.items():
        if results[scan]["result"][field]:
            found[scan] = field
    renegotiation = results["session_renegotiation"]["result"]
    if renegotiation["is_vulnerable_to_client_renegotiation_dos"]:
        found["session_renegotiation"] = renegotiation
    if "NOT_VULNERABLE" not in results["robot"]["result"]["robot_result"]:
        found["robot"] = results["robot"]["result"]
    chains = results["certificate_info"]["result"]["certificate_deployments"]
    if any(one["verified_certificate_chain"] is None for one in chains):
        found["certificate_info"] = "no public store knows the authority"
    return found


def test_sslyze_would_find_a_weak_suite(tmp_path: Path) -> None:
    """The control of the test above."""
    made = Authority(tmp_path).issue("localhost")
    weak = {"ciphers": "ALL:@SECLEVEL=0", "maximum_version": ssl.TLSVersion.TLSv1_2}
    with tls_server(made, **weak) as port:
        found = sslyze_findings(f"localhost:{port}", tmp_path / "sslyze.json")
    assert {"tls_1_2", "tls_1_3"} <= set(found)
