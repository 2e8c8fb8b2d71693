"""Keys of signatures: one algorithm each, checked when they are loaded.

Guards: the algorithm belongs to the key and a request cannot choose it; RSA has 2,048 to 4,096 bits
and an exponent of at least 65,537; elliptic keys are on P-256 or Ed25519; HMAC secrets have 32 to
128 octets; nothing here uses SHA-1. Verification answers yes or no and never says why; HMAC is
compared in constant time. Source: RFC 9421 section 3.3; Antom's RSA256 is RFC 8017 section 8.2.
Not done here: where keys are kept (`identity.client_keys`).
"""

from __future__ import annotations

import enum
import hmac
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret

RSA_BITS: Final = range(2_048, 4_097)
RSA_LEAST_EXPONENT: Final = 65_537
HMAC_OCTETS: Final = range(32, 129)
_P256_OCTETS: Final = 32


class Algorithm(enum.StrEnum):
    """Names of the RFC 9421 registry; `RSA2` is spoken by the partner profile alone."""

    ED25519 = "ed25519"
    ECDSA_P256 = "ecdsa-p256-sha256"
    RSA_PSS = "rsa-pss-sha512"
    HMAC = "hmac-sha256"
    RSA2 = "rsa-v1_5-sha256"


class VerifyingKey(Protocol):
    """Says whether a signature over octets is this key's."""

    def verify(self, signature: bytes, base: bytes) -> bool:
        """True when it is."""
        ...


class SigningKey(Protocol):
    """Signs octets."""

    def sign(self, base: bytes) -> bytes:
        """The signature."""
        ...


class HmacKey:
    """HMAC-SHA-256: verifies and signs.

    The keyed state is copied for each message. The one-call form of the standard library hands the
    interpreter lock over every time, for which a busy event loop pays 70 microseconds.
    """

    def __init__(self, secret: Secret[bytes]) -> None:
        if len(secret.expose()) not in HMAC_OCTETS:
            raise _unfit("an HMAC secret has 32 to 128 octets")
        self._keyed = hmac.new(secret.expose(), digestmod="sha256")

    def sign(self, base: bytes) -> bytes:
        """32 octets."""
        state = self._keyed.copy()
        state.update(base)
        return state.digest()

    def verify(self, signature: bytes, base: bytes) -> bool:
        """True when `signature` is that of `base`; constant time."""
        return hmac.compare_digest(self.sign(base), signature)


class Ed25519Key:
    """Ed25519 (RFC 8032)."""

    def __init__(self, key: ed25519.Ed25519PublicKey) -> None:
        self._key = key

    def verify(self, signature: bytes, base: bytes) -> bool:
        """True when `signature` (64 octets) is that of `base`."""
        try:
            self._key.verify(signature, base)
        except InvalidSignature:
            return False
        return True


class EcdsaKey:
    """ECDSA on P-256 with SHA-256; signatures are r and s, 32 octets each."""

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key

    def verify(self, signature: bytes, base: bytes) -> bool:
        """True when `signature` (64 octets) is that of `base`."""
        if len(signature) != 2 * _P256_OCTETS:
            return False
        r = int.from_bytes(signature[:_P256_OCTETS], "big")
        s = int.from_bytes(signature[_P256_OCTETS:], "big")
        try:
            self._key.verify(encode_dss_signature(r, s), base, _ECDSA)
        except InvalidSignature:
            return False
        return True


class RsaKey:
    """RSA with the padding and hash of one algorithm."""

    def __init__(
        self,
        key: rsa.RSAPublicKey,
        pad: padding.AsymmetricPadding,
        digest: hashes.HashAlgorithm,
    ) -> None:
        self._key, self._padding, self._digest = key, pad, digest

    def verify(self, signature: bytes, base: bytes) -> bool:
        """True when `signature` is that of `base`."""
        try:
            self._key.verify(signature, base, self._padding, self._digest)
        except InvalidSignature:
            return False
        return True


class Ed25519Signer:
    """Signs with Ed25519."""

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, base: bytes) -> bytes:
        """64 octets."""
        return self._key.sign(base)


class EcdsaSigner:
    """Signs with ECDSA on P-256."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def sign(self, base: bytes) -> bytes:
        """r and s, 64 octets."""
        r, s = decode_dss_signature(self._key.sign(base, _ECDSA))
        return r.to_bytes(_P256_OCTETS, "big") + s.to_bytes(_P256_OCTETS, "big")


class RsaSigner:
    """Signs with RSA."""

    def __init__(
        self,
        key: rsa.RSAPrivateKey,
        pad: padding.AsymmetricPadding,
        digest: hashes.HashAlgorithm,
    ) -> None:
        self._key, self._padding, self._digest = key, pad, digest

    def sign(self, base: bytes) -> bytes:
        """As many octets as the modulus has."""
        return self._key.sign(base, self._padding, self._digest)


_ECDSA = ec.ECDSA(hashes.SHA256())
_SHA512 = hashes.SHA512()
_SHA256 = hashes.SHA256()
_PSS = padding.PSS(mgf=padding.MGF1(_SHA512), salt_length=64)
_PKCS1 = padding.PKCS1v15()


def load_public(algorithm: Algorithm, octets: bytes) -> VerifyingKey:
    """A public key of `algorithm` from PEM or DER. Errors: InvalidRequest `signing_key_unfit`."""
    key = _parsed(octets)
    if algorithm is Algorithm.ED25519 and isinstance(key, ed25519.Ed25519PublicKey):
        return Ed25519Key(key)
    if algorithm is Algorithm.ECDSA_P256 and isinstance(key, ec.EllipticCurvePublicKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise _unfit("the curve must be P-256")
        return EcdsaKey(key)
    if isinstance(key, rsa.RSAPublicKey):
        _check_rsa(key)
        if algorithm is Algorithm.RSA_PSS:
            return RsaKey(key, _PSS, _SHA512)
        if algorithm is Algorithm.RSA2:
            return RsaKey(key, _PKCS1, _SHA256)
    raise _unfit(f"this is no public key for {algorithm.value}")


def load_private(algorithm: Algorithm, octets: bytes) -> SigningKey:
    """A private key of `algorithm` from PEM or DER. Errors: InvalidRequest `signing_key_unfit`."""
    key = _parsed_private(octets)
    if algorithm is Algorithm.ED25519 and isinstance(key, ed25519.Ed25519PrivateKey):
        return Ed25519Signer(key)
    if algorithm is Algorithm.ECDSA_P256 and isinstance(key, ec.EllipticCurvePrivateKey):
        if not isinstance(key.curve, ec.SECP256R1):
            raise _unfit("the curve must be P-256")
        return EcdsaSigner(key)
    if isinstance(key, rsa.RSAPrivateKey):
        _check_rsa(key.public_key())
        if algorithm is Algorithm.RSA_PSS:
            return RsaSigner(key, _PSS, _SHA512)
        if algorithm is Algorithm.RSA2:
            return RsaSigner(key, _PKCS1, _SHA256)
    raise _unfit(f"this is no private key for {algorithm.value}")


def public_octets(octets: bytes) -> bytes:
    """A public key as DER (SubjectPublicKeyInfo), from PEM or DER."""
    return _parsed(octets).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _check_rsa(key: rsa.RSAPublicKey) -> None:
    if key.key_size not in RSA_BITS or key.public_numbers().e < RSA_LEAST_EXPONENT:
        raise _unfit("RSA keys have 2,048 to 4,096 bits and an exponent of at least 65,537")


def _parsed(
    octets: bytes,
) -> ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    try:
        pem = octets.lstrip().startswith(b"-----BEGIN")
        load = serialization.load_pem_public_key if pem else serialization.load_der_public_key
        key = load(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unfit("this is no public key in PEM or DER") from None
    if isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return key
    raise _unfit("keys are Ed25519, ECDSA P-256 or RSA")


def _parsed_private(octets: bytes) -> object:
    try:
        if octets.lstrip().startswith(b"-----BEGIN"):
            return serialization.load_pem_private_key(octets, None)
        return serialization.load_der_private_key(octets, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unfit("this is no private key in PEM or DER without a password") from None


def _unfit(why: str) -> InvalidRequest:
    return InvalidRequest("signing_key_unfit", why)
