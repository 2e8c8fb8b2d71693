"""The stand-alone verifier: standard library only, Ed25519 like others', one form of a record."""

from __future__ import annotations

import ast
import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from evidence_room import Room, verdict

from paywarden.evidence import verify


def test_it_loads_the_standard_library_alone() -> None:
    tree = ast.parse(Path(verify.__file__).read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").split(".")[0])
    assert names <= set(sys.stdlib_module_names)


def test_signatures_like_those_of_openssl() -> None:
    for number in range(12):
        private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        public, message = private.public_key().public_bytes_raw(), os.urandom(number * 7)
        signature = private.sign(message)
        assert verify.ed25519_verifies(public, message, signature)
        for place in (0, 31, 32, 63):
            spoiled = bytearray(signature)
            spoiled[place] ^= 1
            assert not verify.ed25519_verifies(public, message, bytes(spoiled))
        assert not verify.ed25519_verifies(public, message + b"x", signature)
        assert not verify.ed25519_verifies(bytes([public[0] ^ 1]) + public[1:], message, signature)


def test_published_signatures(data_folder: Path) -> None:
    path = data_folder / "vectors" / "wycheproof" / "ed25519_test.json.gz"
    if not path.exists():
        pytest.skip("the folder of evaluation data has no wycheproof/ed25519_test.json.gz")
    found = json.loads(gzip.decompress(path.read_bytes()))
    checked = 0
    for group in found["testGroups"]:
        public = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            given = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            accepted = verify.ed25519_verifies(public, *given)
            assert accepted == (case["result"] == "valid"), case["tcId"]
            checked += 1
    assert checked > 100


def test_an_export_is_verified_by_its_own_script_elsewhere(room: Room, tmp_path: Path) -> None:
    room.grow(300, 5)
    export = room.export(tmp_path / "export")
    words = [sys.executable, "-I", "-S", str(export / "verify.py"), str(export)]
    for more, code in (["--trust", str(room.trust())], 0), ([], 2):
        done = subprocess.run(
            [*words, *more, "--json"], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert json.loads(done.stdout)["records"] == 305


def test_files_of_records_join_at_their_edges(
    room: Room, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from paywarden.evidence import export

    monkeypatch.setattr(verify, "PER_FILE", 256)
    monkeypatch.setattr(export, "RECORDS_PER_FILE", 256)
    room.grow(1, 255, 1, 254, 2, 300, 77)
    folder = room.export(tmp_path / "export")
    assert len(list((folder / "records").iterdir())) == 4
    code, found = verdict(capsys, folder, "--trust", room.trust())
    assert code == 0 and found["records"] == 890 and found["checkpoints"] == 7


@pytest.mark.parametrize(
    "line",
    [
        b"", b"{}", b"[1]", b'{"v":1}', b"\xff", b"{" * 100_000,
        b'{"action":"a:b:c", "actor":"k:a"}',
    ],
)  # fmt: skip
def test_what_is_no_record_is_named(line: bytes) -> None:
    with pytest.raises(verify.Fault) as fault:
        verify.read_record(line, 7)
    assert (fault.value.code, fault.value.record) == ("record_malformed", 7)
