"""Project Wycheproof through the environment's primitives, where the data folder is there.

The primitives take AES-256, nonces of 12 octets and whole tags: cases of other sizes have to be
refused, whatever their verdict, and are counted. A few retyped cases run everywhere.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from paywarden.cde import primitives
from paywarden.core.errors import Corrupt
from paywarden.core.secret import Secret

Case = dict[str, Any]


def cases(folder: Path, name: str) -> Iterator[tuple[Case, Case]]:
    path = folder / "vectors" / "wycheproof" / f"{name}.json.gz"
    if not path.is_file():
        pytest.skip("no Wycheproof vectors in the data folder")
    for group in json.loads(gzip.decompress(path.read_bytes()))["testGroups"]:
        for case in group["tests"]:
            yield group, {**case, "key": Secret(_octets(case, "key"))}


def _octets(case: Case, name: str) -> bytes:
    return bytes.fromhex(case.get(name, ""))


def count(
    folder: Path, name: str, run: Callable[[Case, Case], bool | None]
) -> tuple[int, int, list[int]]:
    """(cases judged, cases refused for their sizes, ids that come out otherwise)."""
    judged, refused, wrong = 0, 0, []
    for group, case in cases(folder, name):
        try:
            holds = run(group, case)
        except ValueError:
            refused += 1
            continue
        judged += 1
        if case["result"] != "acceptable" and holds != (case["result"] == "valid"):
            wrong.append(case["tcId"])
    return judged, refused, wrong


def aead(seal: Any, opening: Any) -> Callable[[Case, Case], bool]:
    def run(_group: Case, case: Case) -> bool:
        key, nonce, aad = case["key"], _octets(case, "iv"), _octets(case, "aad")
        message, sealed = _octets(case, "msg"), _octets(case, "ct") + _octets(case, "tag")
        try:
            opened = opening(key, nonce, sealed, aad)
        except Corrupt:
            return False
        assert opened == Secret(message) and seal(key, nonce, message, aad) == sealed
        return True

    return run


def wrapping(wrap: Any, unwrap: Any) -> Callable[[Case, Case], bool]:
    def run(_group: Case, case: Case) -> bool:
        message, wrapped = Secret(_octets(case, "msg")), _octets(case, "ct")
        try:
            opened = unwrap(case["key"], wrapped)
        except Corrupt:
            return False
        assert opened == message and wrap(case["key"], message) == wrapped
        return True

    return run


def mac(holds: Any, octets: int) -> Callable[[Case, Case], bool]:
    def run(group: Case, case: Case) -> bool:
        found: bool = holds(case["key"], _octets(case, "msg"), _octets(case, "tag"))
        if group["tagSize"] != octets * 8:
            assert not found, "a truncated tag"
            raise ValueError("refused for its size")
        return found

    return run


def test_aes_gcm(data_folder: Path) -> None:
    run = aead(primitives.seal, primitives.open_sealed)
    assert count(data_folder, "aes_gcm_test", run) == (66, 250, [])


def test_aes_gcm_siv(data_folder: Path) -> None:
    run = aead(primitives.seal_siv, primitives.open_siv)
    assert count(data_folder, "aes_gcm_siv_test", run) == (103, 99, [])


def test_aes_kw(data_folder: Path) -> None:
    run = wrapping(primitives.wrap, primitives.unwrap)
    assert count(data_folder, "aes_wrap_test", run) == (68, 97, [])


def test_aes_kwp(data_folder: Path) -> None:
    run = wrapping(primitives.wrap_padded, primitives.unwrap_padded)
    assert count(data_folder, "aes_kwp_test", run) == (94, 160, [])


def test_aes_cmac(data_folder: Path) -> None:
    assert count(data_folder, "aes_cmac_test", mac(primitives.cmac_holds, 16)) == (102, 209, [])


def test_hmac(data_folder: Path) -> None:
    assert count(data_folder, "hmac_sha256_test", mac(primitives.hmac_holds, 32)) == (87, 87, [])


def test_hkdf(data_folder: Path) -> None:
    def run(_group: Case, case: Case) -> bool:
        key, size = Secret(_octets(case, "ikm")), case["size"]
        if case["result"] == "invalid":  # lengths that HKDF cannot give
            with pytest.raises(ValueError, match="8,160"):
                primitives.derive(key, _octets(case, "info"), length=size)
            return False
        salt = _octets(case, "salt")
        made = primitives.derive(key, _octets(case, "info"), length=size, salt=salt)
        return made == Secret(_octets(case, "okm"))

    assert count(data_folder, "hkdf_sha256_test", run) == (86, 0, [])


class TestRetyped:
    """From the standards themselves; run everywhere."""

    def test_gcm_of_the_gcm_specification_test_case_16(self) -> None:
        key = Secret(bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2))
        plaintext = bytes.fromhex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        )
        aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        sealed = primitives.seal(key, bytes.fromhex("cafebabefacedbaddecaf888"), plaintext, aad)
        assert sealed[-16:].hex() == "76fc6ece0f4e1768cddf8853bb2d551b"
        assert sealed[:16].hex() == "522dc1f099567d07f47f37a32a84427d"

    def test_gcm_siv_of_rfc_8452_appendix_c_2(self) -> None:
        key = Secret(b"\x01" + bytes(31))
        nonce = b"\x03" + bytes(11)
        sealed = primitives.seal_siv(key, nonce, b"", b"")
        assert sealed.hex() == "07f5f4169bbf55a8400cd47ea6fd400f"

    def test_kw_of_rfc_3394_section_4_6(self) -> None:
        key = Secret(bytes(range(32)))
        inner = Secret(
            bytes.fromhex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f")
        )
        wrapped = primitives.wrap(key, inner)
        assert wrapped.hex() == (
            "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21"
        )
        assert primitives.unwrap(key, wrapped) == inner

    def test_hkdf_of_rfc_5869_case_1(self) -> None:
        made = primitives.derive(
            Secret(b"\x0b" * 22),
            bytes.fromhex("f0f1f2f3f4f5f6f7f8f9"),
            length=42,
            salt=bytes(range(13)),
        )
        assert made.expose().hex() == (
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        )

    def test_hmac_of_rfc_4231_case_2(self) -> None:
        tag = primitives.hmac(Secret(b"Jefe"), b"what do ya want for nothing?")
        assert tag.hex() == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    def test_cmac_of_sp_800_38b_aes_256(self) -> None:
        key = Secret(
            bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
        )
        assert primitives.cmac(key, b"").hex() == "028962f61b7bf89efc6b551f4667d983"
        block = bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")
        assert primitives.cmac(key, block).hex() == "28a7023f452e8f82bd4bf28d8c37c35c"

    def test_no_two_lists_of_parts_are_bound_alike(self) -> None:
        assert primitives.bound(b"a", b"bc") != primitives.bound(b"ab", b"c")
        assert primitives.bound() != primitives.bound(b"")
