"""`paywarden signing-keys` and `certificates`: the same acts, answers and events in the audit log
whether the running server of the home is asked or none runs."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from test_support_api import own_server

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "kit"))
from decision_room import make_home
from tls_kit import Authority

from paywarden.entrypoints.main import main
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.db.reader import Reader


@pytest.fixture(params=["beside", "alone"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """(a home, the address of its server or nothing)."""
    if request.param == "alone":
        yield make_home(tmp_path), ""
        return
    with own_server("granian", "bound") as server:
        yield server.home, server.url


def run(home: Path, *words: str, code: int = 0) -> Any:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["--home", str(home), *words, "--json"]) == code, out.getvalue()
    return json.loads(out.getvalue())


def refused(home: Path, code: int, *words: str) -> str:
    return str(run(home, *words, code=code)["error"]["code"])


def leaves(home: Path, source: str) -> list[tuple[str, str, dict[str, Any]]]:
    with closing(Reader(home / "data" / "paywarden.sqlite")) as reader:
        found = [one for _, one in SqliteAuditLog(reader).read(None, 0, 1_000)]
    told = [one for one in found if one.action.startswith(source)]
    return [(one.action.rpartition(":")[2], one.actor, dict(one.detail)) for one in told]


def test_signing_keys_and_certificates(place: tuple[Path, str], tmp_path: Path) -> None:
    server, url = place
    key_made = run(server, "keys", "--role", "merchant", "--name", "till")
    key = key_made["key_id"]
    made = run(server, "signing-keys", "add", "--algorithm", "hmac-sha256", "--api-key", key)
    assert made["live"] and len(base64.b64decode(made["secret"])) == 32
    again = run(server, "signing-keys", "add", "--algorithm", "hmac-sha256", "--api-key", key)
    full = ("signing-keys", "add", "--algorithm", "hmac-sha256", "--api-key", key)
    assert refused(server, 4, *full) == "client_keys_two_live"
    public = tmp_path / "client.pub"
    public.write_bytes(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ))  # fmt: skip
    own = run(server, "signing-keys", "add", "--algorithm", "ed25519", "--public-key", str(public),
               "--merchant", "m_42")  # fmt: skip
    assert run(server, "signing-keys", "require", key)["signature_required"]
    if url:
        headers = {"authorization": f"Bearer {key_made['api_key']}"}
        unsigned = httpx.get(f"{url}/v1/decisions", headers=headers)
        assert unsigned.json()["code"] == "signature_required", "it counts at once"
    assert not run(server, "signing-keys", "require", key, "--no")["signature_required"]
    run(server, "signing-keys", "revoke", made["key_id"])
    live = {one["key_id"] for one in run(server, "signing-keys", "list")["keys"] if one["live"]}
    assert live >= {again["key_id"], own["key_id"]} and made["key_id"] not in live
    assert run(server, "signing-keys", "server")["algorithm"] == "ed25519"
    told = leaves(server, "identity:signing_key:")
    assert [one[0] for one in told] == ["add", "add", "add", "require", "relax", "revoke"]
    assert {one[1] for one in told} == {"cli:signing_keys"}

    certificate = Authority(tmp_path, "clients").issue("till").certificate
    bind = ("certificates", "bind", key, "--certificate", str(certificate))
    (thumbprint,) = run(server, *bind)["thumbprints"]
    assert run(server, *bind)["thumbprints"] == [thumbprint], "bound once"
    assert run(server, "certificates", "list", key)["thumbprints"] == [thumbprint]
    assert refused(server, 3, "certificates", "release", key) == "thumbprint_missing"
    release = ("certificates", "release", key, "--thumbprint", thumbprint.upper())
    assert run(server, *release)["thumbprints"] == []
    detail = {"key": key, "thumbprint": thumbprint}
    assert leaves(server, "identity:certificate:") == [
        ("bind", "process:cli", detail), ("release", "process:cli", detail)]  # fmt: skip
