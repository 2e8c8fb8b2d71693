"""Master key file, derivation, keyed digests, framing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from paywarden.core.errors import Conflict, Unavailable
from paywarden.core.scope import Environment, Scope
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemRandomness
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.digest import KeyedDigest
from paywarden.kit.crypto.framing import framed
from paywarden.kit.crypto.master import create_master_key, load_master_key


@pytest.fixture
def key_path(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    create_master_key(path, SystemRandomness())
    return path


def test_a_created_key_loads_and_is_never_replaced(key_path: Path) -> None:
    assert key_path.stat().st_mode & 0o777 == 0o600
    first = load_master_key(key_path)
    with pytest.raises(Conflict, match="master_key_exists"):
        create_master_key(key_path, SystemRandomness())
    assert load_master_key(key_path) == first and len(first.expose()) == 32


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o700, 0o604, 0o4600])
def test_a_key_that_others_may_read_is_refused(key_path: Path, mode: int) -> None:
    key_path.chmod(mode)
    with pytest.raises(Unavailable, match=r"master_key_unsafe.*0600"):
        load_master_key(key_path)


@pytest.mark.parametrize("octets", [b"", b"x" * 31, b"x" * 33])
def test_a_key_of_another_length_is_refused(key_path: Path, octets: bytes) -> None:
    key_path.write_bytes(octets)
    with pytest.raises(Unavailable, match="exactly 32"):
        load_master_key(key_path)


def test_links_pipes_and_nothing_are_refused(key_path: Path, tmp_path: Path) -> None:
    link, pipe = tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(key_path)
    os.mkfifo(pipe, 0o600)
    for path in (link, pipe, tmp_path):
        with pytest.raises(Unavailable, match="master_key_unsafe"):
            load_master_key(path)
    with pytest.raises(Unavailable, match=r"master_key_missing.*init"):
        load_master_key(tmp_path / "none")


def test_each_purpose_has_its_own_key() -> None:
    master = Secret(bytes(32))
    keys = {derive(master, purpose).expose() for purpose in Purpose}
    assert len(keys) == len(Purpose) and master.expose() not in keys
    assert derive(master, Purpose.DIGESTS) == derive(Secret(bytes(32)), Purpose.DIGESTS)
    assert derive(Secret(b"1" * 32), Purpose.DIGESTS) != derive(master, Purpose.DIGESTS)


def test_the_derivation_library_agrees_with_rfc_5869_case_1() -> None:
    info, salt = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"), bytes(range(13))
    okm = HKDF(SHA256(), length=42, salt=salt, info=info).derive(b"\x0b" * 22)
    assert okm.hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_digests_are_bound_to_key_scope_and_parts() -> None:
    test, live = (Scope("acme", environment) for environment in Environment)
    one, two = KeyedDigest(Secret(b"1" * 32)), KeyedDigest(Secret(b"2" * 32))
    digests = {
        one.of(test, b"a"), two.of(test, b"a"), one.of(live, b"a"), one.of(test, b"b"),
        one.of(test, b"a", b""), one.of(Scope("acme2", Environment.TEST), b"a"),
    }  # fmt: skip
    assert len(digests) == 6 and {len(digest) for digest in digests} == {32}
    assert one.of(test, b"a") == KeyedDigest(Secret(b"1" * 32)).of(test, b"a")
    with pytest.raises(ValueError, match="octets"):
        KeyedDigest(Secret(b"short"))


@given(st.lists(st.binary(max_size=5), max_size=5), st.lists(st.binary(max_size=5), max_size=5))
def test_framing_is_injective(left: list[bytes], right: list[bytes]) -> None:
    assert (framed(*left) == framed(*right)) == (left == right)
