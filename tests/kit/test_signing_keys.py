"""Keys of signatures: each fits one algorithm, and weak or broken ones are refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from signing_kit import private_key, private_octets, public_octets_of

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret
from paywarden.kit.http.signing.keys import (
    Algorithm,
    HmacKey,
    load_private,
    load_public,
    public_octets,
)

PAIRED = [one for one in Algorithm if one is not Algorithm.HMAC]
KEYS = {
    Algorithm.ED25519: private_key(Algorithm.ED25519),
    Algorithm.ECDSA_P256: private_key(Algorithm.ECDSA_P256),
    Algorithm.RSA_PSS: private_key(Algorithm.RSA_PSS),
}
KEYS[Algorithm.RSA2] = KEYS[Algorithm.RSA_PSS]


@pytest.mark.parametrize("algorithm", PAIRED)
def test_a_pair_signs_and_verifies(algorithm: Algorithm) -> None:
    public = load_public(algorithm, public_octets_of(KEYS[algorithm]))
    signature = load_private(algorithm, private_octets(KEYS[algorithm])).sign(b"text")
    assert public.verify(signature, b"text")
    assert not public.verify(signature, b"texT")
    for broken in (b"", signature[:-1], signature + b"\0", bytes(len(signature))):
        assert not public.verify(broken, b"text")


@pytest.mark.parametrize("algorithm", PAIRED)
def test_a_key_of_another_algorithm_is_refused(algorithm: Algorithm) -> None:
    for other, key in KEYS.items():
        if KEYS[algorithm] is not key and other is not algorithm:
            with pytest.raises(InvalidRequest):
                load_public(algorithm, public_octets_of(key))
            with pytest.raises(InvalidRequest):
                load_private(algorithm, private_octets(key))


def test_weak_keys_are_refused() -> None:
    small = rsa.generate_private_key(public_exponent=65_537, key_size=1_024)
    tiny_exponent = rsa.generate_private_key(public_exponent=3, key_size=2_048)
    other_curve = ec.derive_private_key(7, ec.SECP384R1())
    for algorithm, key in (
        (Algorithm.RSA_PSS, small),
        (Algorithm.RSA2, tiny_exponent),
        (Algorithm.ECDSA_P256, other_curve),
    ):
        with pytest.raises(InvalidRequest) as caught:
            load_public(algorithm, public_octets_of(key))
        assert caught.value.code == "signing_key_unfit"
    for size in (0, 31, 129):
        with pytest.raises(InvalidRequest):
            HmacKey(Secret(bytes(size)))


def test_truncated_and_foreign_octets_are_refused() -> None:
    whole = public_octets_of(KEYS[Algorithm.ED25519])
    for octets in (b"", whole[:-1], b"-----BEGIN PUBLIC KEY-----\n", b"\x30\x03\x02\x01\x00"):
        with pytest.raises(InvalidRequest):
            load_public(Algorithm.ED25519, octets)
        with pytest.raises(InvalidRequest):
            load_private(Algorithm.ED25519, octets)
    assert public_octets(whole) == whole
