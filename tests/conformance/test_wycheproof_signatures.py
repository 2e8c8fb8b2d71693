"""Project Wycheproof's signatures through our keys, where the data folder is there."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.kit.http.signing.keys import Algorithm, HmacKey, RsaKey, load_public


def cases(folder: Path, name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    path = folder / "vectors" / "wycheproof" / f"{name}.json.gz"
    if not path.is_file():
        pytest.skip("no Wycheproof vectors in the data folder")
    for group in json.loads(gzip.decompress(path.read_bytes()))["testGroups"]:
        for case in group["tests"]:
            yield group, case


def differences(found: Iterator[tuple[bool, dict[str, Any]]]) -> tuple[int, list[int]]:
    """(number of cases, ids that come out otherwise); `acceptable` may be either."""
    count, wrong = 0, []
    for accepted, case in found:
        count += 1
        if case["result"] != "acceptable" and accepted != (case["result"] == "valid"):
            wrong.append(case["tcId"])
    return count, wrong


def test_ed25519(data_folder: Path) -> None:
    def run() -> Iterator[tuple[bool, dict[str, Any]]]:
        for group, case in cases(data_folder, "ed25519_test"):
            key = load_public(Algorithm.ED25519, bytes.fromhex(group["publicKeyDer"]))
            yield key.verify(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])), case

    assert differences(run()) == (151, [])


def test_ecdsa_p256_raw(data_folder: Path) -> None:
    def run() -> Iterator[tuple[bool, dict[str, Any]]]:
        for group, case in cases(data_folder, "ecdsa_secp256r1_sha256_p1363_test"):
            key = load_public(Algorithm.ECDSA_P256, bytes.fromhex(group["publicKeyDer"]))
            yield key.verify(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])), case

    assert differences(run()) == (262, [])


def test_ecdsa_p256_in_der_is_refused_and_the_same_numbers_are_not(data_folder: Path) -> None:
    count = 0
    for group, case in cases(data_folder, "ecdsa_secp256r1_sha256_test"):
        key = load_public(Algorithm.ECDSA_P256, bytes.fromhex(group["publicKeyDer"]))
        message, octets = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
        assert not key.verify(octets, message), case["tcId"]
        if case["result"] == "valid":
            r, s = decode_dss_signature(octets)
            assert key.verify(r.to_bytes(32, "big") + s.to_bytes(32, "big"), message)
            count += 1
    assert count == 174


def test_rsa_pss_padding(data_folder: Path) -> None:
    """The published vectors are of SHA-256; our algorithm is the same code with SHA-512."""
    pad = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)

    def run() -> Iterator[tuple[bool, dict[str, Any]]]:
        for group, case in cases(data_folder, "rsa_pss_2048_sha256_mgf1_32_test"):
            numbers = group["publicKey"]
            public = rsa.RSAPublicNumbers(
                int(numbers["publicExponent"], 16), int(numbers["modulus"], 16)
            ).public_key()
            signature, message = bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])
            yield RsaKey(public, pad, hashes.SHA256()).verify(signature, message), case

    assert differences(run()) == (108, [])


def test_rsa_pkcs1(data_folder: Path) -> None:
    """One group has exponent 3, which the loader refuses: the padding is tested all the same."""

    def run() -> Iterator[tuple[bool, dict[str, Any]]]:
        for group, case in cases(data_folder, "rsa_signature_2048_sha256_test"):
            public = load_der_public_key(bytes.fromhex(group["publicKeyDer"]))
            assert isinstance(public, rsa.RSAPublicKey)
            key = RsaKey(public, padding.PKCS1v15(), hashes.SHA256())
            yield key.verify(bytes.fromhex(case["sig"]), bytes.fromhex(case["msg"])), case

    assert differences(run()) == (259, [])


def test_hmac_sha256(data_folder: Path) -> None:
    refused = 0

    def run() -> Iterator[tuple[bool, dict[str, Any]]]:
        nonlocal refused
        for group, case in cases(data_folder, "hmac_sha256_test"):
            try:
                key = HmacKey(Secret(bytes.fromhex(case["key"])))
            except InvalidRequest:
                refused += 1  # shorter than we take, or longer
                continue
            tag, message = bytes.fromhex(case["tag"]), bytes.fromhex(case["msg"])
            if group["tagSize"] == 256:
                yield key.verify(tag, message), case
            else:
                assert not key.verify(tag, message), "a truncated tag"

    count, wrong = differences(run())
    assert wrong == [] and count > 20 and refused < 120
