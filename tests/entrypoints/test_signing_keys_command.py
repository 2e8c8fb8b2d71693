"""`paywarden signing-keys`: register, list, revoke, demand, and the key to pin."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from paywarden.client import ServerKey, SigningKey
from paywarden.entrypoints.home import Home
from paywarden.entrypoints.installation import PARTS
from paywarden.entrypoints.main import main
from paywarden.entrypoints.settings import DEFAULT_TEXT
from paywarden.entrypoints.signing_key_commands import ACTOR
from paywarden.kit.audit import SqliteAuditLog
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.master import create_master_key
from paywarden.kit.db.migrate import migrate
from paywarden.kit.db.reader import Reader


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = Home(tmp_path / "home")
    made.make()
    made.settings_file.write_text(DEFAULT_TEXT, encoding="utf-8")
    create_master_key(made.master_key, SystemRandomness())
    migrate(made.database, PARTS)
    return made.root


def run(home: Path, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert main(["--home", str(home), "signing-keys", *words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def public_file(folder: Path, key: Any) -> str:
    path = folder / "client.pub"
    pem, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(key.public_key().public_bytes(pem, form))
    return str(path)


def test_a_secret_is_shown_once(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = run(home, capsys, "add", "--algorithm", "hmac-sha256", "--api-key", "key_a")
    assert SigningKey.hmac(made["key_id"], made["secret"])
    (listed,) = run(home, capsys, "list")["keys"]
    assert listed["live"] and listed["api_key_id"] == "key_a" and "secret" not in listed
    assert base64.b64decode(made["secret"]) not in (home / "data/paywarden.sqlite").read_bytes()
    assert run(home, capsys, "list", "--environment", "live")["keys"] == []
    run(home, capsys, "revoke", made["key_id"])
    assert not run(home, capsys, "list")["keys"][0]["live"]
    refused = run(home, capsys, "revoke", made["key_id"], code=3)
    assert refused["error"]["code"] == "signing_key_not_found"


def test_a_public_key_and_the_server_key(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = public_file(tmp_path, ed25519.Ed25519PrivateKey.generate())
    words = ("add", "--algorithm", "ed25519", "--public-key", file)
    for _ in range(2):
        assert run(home, capsys, *words, "--expires", "2099-01-01T00:00:00Z")["live"]
    assert run(home, capsys, *words, code=4)["error"]["code"] == "client_keys_two_live"
    told = run(home, capsys, "server")
    assert ServerKey.ed25519(told["public_key"], told["key_id"])
    assert run(home, capsys, "server")["public_key"] == told["public_key"]


def test_a_partner(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = public_file(tmp_path, rsa.generate_private_key(public_exponent=65_537, key_size=2_048))
    words = ("add", "--algorithm", "rsa-v1_5-sha256", "--public-key", file, "--client-id", "5J5")
    made = run(home, capsys, *words, "--route", "/v1/decisions", "--route", "/v1/events")
    assert made["routes"] == ["/v1/decisions", "/v1/events"]
    assert serialization.load_der_public_key(base64.b64decode(made["server_public_key"]))
    assert (
        run(home, capsys, *words, "--route", "/x", code=4)["error"]["code"] == "client_key_exists"
    )


def test_demanding_signatures(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(home, capsys, "require", "key_a")["signature_required"] is True
    assert run(home, capsys, "require", "key_a", "--no")["signature_required"] is False


def test_every_change_is_written_down(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = run(home, capsys, "add", "--algorithm", "hmac-sha256", "--environment", "live")
    run(home, capsys, "revoke", made["key_id"], "--environment", "live")
    run(home, capsys, "revoke", made["key_id"], "--environment", "live", code=3)
    run(home, capsys, "require", "key_a")
    run(home, capsys, "require", "key_a", "--no")
    with closing(Reader(Home(home).database)) as reader:
        events = [one for _, one in SqliteAuditLog(reader).read(None, 0, 100)]
    told = [(e.scope.environment.value, e.action, e.actor, dict(e.detail)) for e in events]
    assert told == [
        ("live", "identity:signing_key:add", ACTOR,
         {"key": made["key_id"], "algorithm": "hmac-sha256"}),
        ("live", "identity:signing_key:revoke", ACTOR, {"key": made["key_id"]}),
        ("test", "identity:signing_key:require", ACTOR, {"api_key": "key_a"}),
        ("test", "identity:signing_key:relax", ACTOR, {"api_key": "key_a"}),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--algorithm", "ed25519"), "public_key_missing"),
        (("--algorithm", "ed25519", "--public-key", "/nowhere"), "public_key_unreadable"),
        (("--algorithm", "ed25519", "--public-key", "/dev/null"), "signing_key_unfit"),
        (("--algorithm", "hmac-sha256", "--expires", "tomorrow"), "expires_invalid"),
    ],
)
def test_bad_input_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: str
) -> None:
    assert run(home, capsys, "add", *words, code=3)["error"]["code"] == code
