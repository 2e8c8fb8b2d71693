"""One suite for every root: file, shares, hardware module, two kinds of services."""

from __future__ import annotations

import dataclasses
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from key_service_doubles import Double, Kms, Transit, running

from paywarden.cde.keys.root import Root
from paywarden.cde.keys.software_root import UNFIT_FOR_PRODUCTION, root_from_file
from paywarden.cde.roots.cloud import CloudRoot
from paywarden.cde.roots.pkcs11 import ModuleKey, Pkcs11Root
from paywarden.cde.roots.sealing import RootInMemory
from paywarden.cde.roots.sigv4 import (
    Credentials,
    Signer,
    canonical_request,
    signing_key,
    string_to_sign,
)
from paywarden.cde.roots.transit import TransitRoot
from paywarden.core.errors import Corrupt, InvalidRequest, Unavailable
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemClock, SystemRandomness

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
RANDOM = SystemRandomness()


def softhsm(folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleKey:
    pytest.importorskip("pkcs11", reason="no python-pkcs11")
    program = shutil.which("softhsm2-util")
    module = next((one for one in MODULES if Path(one).exists()), None)
    if program is None or module is None:
        pytest.skip("no SoftHSM2 (Debian: softhsm2)")
    tokens = folder / "tokens"
    tokens.mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
    words = ["--init-token", "--free", "--label", "cards", "--so-pin", "12345678", "--pin", "8765"]
    subprocess.run([program, *words], check=True, capture_output=True)
    return ModuleKey(module, "cards", "root", Secret("8765"), create=True)


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def transit_of(folder: Path, double: Double) -> TransitRoot:
    token = private(folder / "token", f"{Transit.TOKEN}\n")
    return TransitRoot(double.service, "cards-root", token)


def cloud_of(folder: Path, double: Double, secret: str = Kms.SECRET) -> CloudRoot:
    lines = private(folder / "credentials", f"{Kms.ACCESS}\n{secret}\n{Kms.SESSION}\n")
    return CloudRoot(double.service, "eu-central-1", "alias/cards-root", lines, SystemClock())


@pytest.fixture(params=["file", "shares", "pkcs11", "transit", "cloud"])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Root]:
    kind = request.param
    if kind == "file":
        path = tmp_path / "root.key"
        path.write_bytes(os.urandom(32))
        path.chmod(0o600)
        yield root_from_file(path, RANDOM)
    elif kind == "shares":
        yield RootInMemory("root-1", "shares", {1: Secret(os.urandom(32))}, RANDOM)
    elif kind == "pkcs11":
        module = Pkcs11Root(softhsm(tmp_path, monkeypatch), RANDOM)
        yield module
        module.close()
    elif kind == "transit":
        with running(tmp_path, Transit()) as double:
            yield transit_of(tmp_path, double)
    else:
        with running(tmp_path, Kms()) as double:
            yield cloud_of(tmp_path, double)


def test_conformance_of_a_root(root: Root) -> None:
    assert root.name and root.kind in {"file", "shares", "pkcs11", "transit", "cloud"}
    assert (root.kind in UNFIT_FOR_PRODUCTION) == (root.kind == "file")
    for length in (16, 32, 64):
        key, context = os.urandom(length), b"place/" + bytes([length])
        one, two = root.seal(key, context), root.seal(key, context)
        assert one != two and key not in one
        assert root.unseal(one, context) == root.unseal(two, context) == Secret(key)
    sealed = root.seal(bytes(32), b"here")
    for place in (b"there", b"", b"here\x00", b"her"):
        with pytest.raises(Corrupt, match="key_file_corrupt"):
            root.unseal(sealed, place)
    for at in (0, 1, 5, len(sealed) // 2, len(sealed) - 3):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(Corrupt, match="key_file_corrupt"):
            root.unseal(bytes(changed), b"here")
    for octets in (b"", b"\x01", sealed[:-1], sealed + b"\x00", os.urandom(200), bytes(10_000)):
        with pytest.raises(Corrupt, match="key_file_corrupt"):
            root.unseal(octets, b"here")
    assert root.unseal(sealed, b"here") == Secret(bytes(32))


def test_lengths_that_no_root_seals(root: Root) -> None:
    if root.kind == "file":
        return  # the development root leaves lengths to its caller
    for length in (0, 15, 65):
        with pytest.raises(ValueError, match="16 to 64"):
            root.seal(bytes(length), b"")


class TestModule:
    @pytest.fixture
    def key(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleKey:
        return softhsm(tmp_path, monkeypatch)

    def test_the_key_lasts_and_a_dead_module_fails_closed(self, key: ModuleKey) -> None:
        root = Pkcs11Root(key, RANDOM)
        sealed = root.seal(bytes(32), b"c")
        assert root.pid is not None
        os.kill(root.pid, signal.SIGKILL)
        with pytest.raises(Unavailable, match="key_backend_gone"):
            root.unseal(sealed, b"c")
        assert root.pid is None
        assert root.unseal(sealed, b"c") == Secret(bytes(32))  # a fresh process, checked again
        root.close()

    def test_a_module_that_keeps_dying_is_left_alone(self, key: ModuleKey) -> None:
        root = Pkcs11Root(key, RANDOM)
        root.seal(bytes(32), b"c")
        root._deaths = 3  # as after three in a row
        root._end()
        with pytest.raises(Unavailable, match="too often"):
            root.seal(bytes(32), b"c")
        assert root.pid is None

    def test_a_stalled_module_is_killed(self, key: ModuleKey) -> None:
        root = Pkcs11Root(key, RANDOM, timeout_seconds=5)
        root.seal(bytes(32), b"c")
        assert root.pid is not None
        pid, root._timeout_seconds = root.pid, 0.2
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(Unavailable, match="died or stalled"):
            root.seal(bytes(32), b"c")
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"pin": Secret("0000")}, "hsm_pin_wrong"),
            ({"token": "other"}, "hsm_failed"),
            ({"label": "other", "create": False}, "hsm_key_missing"),
            ({"module": "/nonexistent.so"}, "hsm_failed"),
        ],
    )
    def test_wrong_settings_name_themselves(
        self, key: ModuleKey, change: dict[str, object], why: str
    ) -> None:
        root = Pkcs11Root(dataclasses.replace(key, **change), RANDOM)  # type: ignore[arg-type]
        with pytest.raises(Unavailable, match=why) as caught:
            root.seal(bytes(32), b"c")
        assert "0000" not in str(caught.value)
        assert root.pid is None

    def test_keys_that_may_leave_the_module_are_refused(self, key: ModuleKey) -> None:
        made = subprocess.run(
            [os.sys.executable, "-c", LOOSE_KEY, key.module],  # type: ignore[attr-defined]
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        for label, why in (("loose", "extractable"), ("plain", "extractable"), ("short", "unfit"),
                           ("double", "ambiguous")):  # fmt: skip
            root = Pkcs11Root(dataclasses.replace(key, label=label, create=False), RANDOM)
            with pytest.raises(Unavailable, match=f"hsm_key_{why}"):
                root.seal(bytes(32), b"c")


LOOSE_KEY = """
import sys, pkcs11
from pkcs11 import Attribute, KeyType
session = pkcs11.lib(sys.argv[1]).get_token(token_label="cards").open(user_pin="8765", rw=True)
def make(label, bits, **more):
    template = {getattr(Attribute, name): value for name, value in more.items()}
    session.generate_key(KeyType.AES, bits, label=label, store=True, template=template)
make("loose", 256, SENSITIVE=True, EXTRACTABLE=True)
make("plain", 256, SENSITIVE=False, EXTRACTABLE=False)
make("short", 128, SENSITIVE=True, EXTRACTABLE=False)
make("double", 256, SENSITIVE=True, EXTRACTABLE=False)
make("double", 256, SENSITIVE=True, EXTRACTABLE=False)
session.close()
import os; os._exit(0)
"""


class TestServices:
    def test_what_a_service_may_answer(self, tmp_path: Path) -> None:
        for status, document in (
            (500, {}), (503, {"errors": ["sealed"]}), (307, {}), (404, {}), (200, {}),
            (200, {"data": {}}), (200, {"data": {"ciphertext": "x"}}), (200, {"data": 3}),
            (200, {"data": {"plaintext": "!"}}), (200, {"data": {"plaintext": "AAAA"}}),
            (200, {"CiphertextBlob": "!"}), (200, {"Plaintext": "AAAA", "x": "y" * 70_000}),
        ):  # fmt: skip
            with running(tmp_path, lambda *_, s=status, d=document: (s, d)) as double:
                for root in (transit_of(tmp_path, double), cloud_of(tmp_path, double)):
                    with pytest.raises(Unavailable, match="key_backend_gone"):
                        root.seal(bytes(32), b"c")
                    with pytest.raises(Unavailable, match="key_backend_gone"):
                        root.unseal(b"vault:v1:AAAA", b"c")

    def test_another_public_key_hears_nothing(self, tmp_path: Path) -> None:
        with running(tmp_path, Transit()) as double:
            root = transit_of(tmp_path, double)
            root._service = dataclasses.replace(double.service, pins=frozenset({bytes(32)}))
            with pytest.raises(Unavailable, match="pinned"):
                root.seal(bytes(32), b"c")
            assert double.seen == []

    def test_another_authority_hears_nothing(self, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        with running(other, Transit()):
            pass
        with running(tmp_path, Transit()) as double:
            root = transit_of(tmp_path, double)
            root._service = dataclasses.replace(double.service, authority=other / "ca.pem")
            with pytest.raises(Unavailable, match="SSLCertVerificationError"):
                root.seal(bytes(32), b"c")
            assert double.seen == []

    def test_gone_and_slow_services(self, tmp_path: Path) -> None:
        with running(tmp_path, Transit()) as double:
            root = transit_of(tmp_path, double)
        with pytest.raises(Unavailable, match="no answer"):
            root.seal(bytes(32), b"c")
        may_answer = threading.Event()

        def late(*_: object) -> tuple[int, dict[str, object]]:
            may_answer.wait(30)
            return 200, {}

        with running(tmp_path, late) as double:
            root = transit_of(tmp_path, double)
            root._service = dataclasses.replace(double.service, timeout_seconds=0.2)
            with pytest.raises(Unavailable, match="no answer"):
                root.seal(bytes(32), b"c")
            may_answer.set()

    def test_tokens_and_credentials_have_to_be_private_and_right(self, tmp_path: Path) -> None:
        with running(tmp_path, Transit()) as double:
            root = transit_of(tmp_path, double)
            token = tmp_path / "token"
            token.chmod(0o644)
            with pytest.raises(Unavailable, match="mode must be 0600"):
                root.seal(bytes(32), b"c")
            token.chmod(0o600)
            for text, why in (
                ("wrong-token", "403"),
                ("", "no token"),
                ("a b c d e f", "no token"),
            ):
                token.write_text(text)
                with pytest.raises(Unavailable, match=why):
                    root.seal(bytes(32), b"c")
            token.unlink()
            with pytest.raises(Unavailable, match="cannot be read"):
                root.seal(bytes(32), b"c")
        with running(tmp_path, Kms()) as double, pytest.raises(Unavailable, match="400"):
            cloud_of(tmp_path, double, secret="another").seal(bytes(32), b"c")

    @pytest.mark.parametrize("name", ["", "../x", "a/b", "a?b", "a\n", "é"])
    def test_names_that_would_leave_the_path(self, tmp_path: Path, name: str) -> None:
        with running(tmp_path, Transit()) as double:
            for more in ({"key": name}, {"key": "k", "mount": name}):
                with pytest.raises(InvalidRequest, match="root_settings"):
                    TransitRoot(double.service, token_file=tmp_path / "t", **more)


class TestSignatureVersion4:
    """The example of the AWS General Reference: ListUsers of IAM, 30 August 2015."""

    SCOPE = "20150830/us-east-1/iam/aws4_request"
    HEADERS = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "host": "iam.amazonaws.com",
        "x-amz-date": "20150830T123600Z",
    }
    SECRET = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")

    def test_each_step(self) -> None:
        import hashlib

        query = "Action=ListUsers&Version=2010-05-08"
        request = canonical_request("GET", "/", query, self.HEADERS, b"")
        assert (
            hashlib.sha256(request.encode()).hexdigest()
            == "f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"
        )
        text = string_to_sign("20150830T123600Z", self.SCOPE, request)
        assert text.splitlines()[:3] == ["AWS4-HMAC-SHA256", "20150830T123600Z", self.SCOPE]
        assert (
            signing_key(self.SECRET, self.SCOPE).expose().hex()
            == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
        )

    def test_the_whole(self) -> None:
        signer = Signer(Credentials("AKIDEXAMPLE", self.SECRET), "us-east-1", "iam")
        given = {
            "Content-Type": "application/x-www-form-urlencoded;  charset=utf-8",
            "Host": "iam.amazonaws.com",
        }
        signed = signer.headers(
            "GET", "/", "Action=ListUsers&Version=2010-05-08", given, b"", 1_440_938_160_000_000
        )
        assert signed["Authorization"] == (
            f"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{self.SCOPE}, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
        )
