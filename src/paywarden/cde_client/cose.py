"""Public keys of authenticators: COSE_Key octets as `cryptography` keys, for three algorithms.

Guards: the algorithm comes from the key that the roster holds, never from what is verified; an RSA
key under 2,048 bits, a point off the curve, a field too many or octets after the map are refused.
The reader knows just the CBOR that such keys need: one map of small integers to integers and byte
strings, in shortest form. Source: RFC 9053 (sections 2 and 7), RFC 8812 section 2, RFC 8949.
Not done here: attestation (enrolment, in the identity room).
"""

from __future__ import annotations

from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

KEY_LIMIT_OCTETS: Final = 1_024
RSA_BITS: Final = (2_048, 4_096)
_KIND, _ALGORITHM = 1, 3
_OKP, _EC2, _RSA = 1, 2, 3
_ES256, _EDDSA, _RS256 = -7, -8, -257
_Fields = dict[int, int | bytes]
PublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | rsa.RSAPublicKey


def read_key(octets: bytes) -> PublicKey:
    """The public key of COSE octets. ValueError for anything but ES256, EdDSA and RS256 keys."""
    fields = _read_map(octets)
    found = (fields.get(_KIND), fields.get(_ALGORITHM))
    if found == (_EC2, _ES256) and fields.keys() == {1, 3, -1, -2, -3} and fields[-1] == 1:
        return _p256(_octets(fields, -2, 32), _octets(fields, -3, 32))
    if found == (_OKP, _EDDSA) and fields.keys() == {1, 3, -1, -2} and fields[-1] == 6:
        return ed25519.Ed25519PublicKey.from_public_bytes(_octets(fields, -2, 32))
    if found == (_RSA, _RS256) and fields.keys() == {1, 3, -1, -2}:
        return _rsa(_octets(fields, -1), _octets(fields, -2))
    raise ValueError("the key is none of ES256 on P-256, EdDSA on Ed25519, RS256")


def signed_by(key: PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether `signature` over `message` is the key's."""
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(SHA256()))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, padding.PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _p256(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + x + y)


def _rsa(modulus: bytes, exponent: bytes) -> rsa.RSAPublicKey:
    n, e = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
    if not RSA_BITS[0] <= n.bit_length() <= RSA_BITS[1]:
        raise ValueError(f"an RSA key has {RSA_BITS[0]} to {RSA_BITS[1]} bits")
    return rsa.RSAPublicNumbers(e, n).public_key()


def _octets(fields: _Fields, label: int, length: int | None = None) -> bytes:
    value = fields[label]
    if not isinstance(value, bytes) or (length is not None and len(value) != length):
        raise ValueError("a parameter of the key has another type or length")
    return value


def _read_map(octets: bytes) -> _Fields:
    if not 0 < len(octets) <= KEY_LIMIT_OCTETS:
        raise ValueError("the key is empty or too long")
    major, count, place = _head(octets, 0)
    if major != 5 or count > 8:
        raise ValueError("the key is no map of a few fields")
    fields: _Fields = {}
    for _ in range(count):
        label, place = _item(octets, place)
        value, place = _item(octets, place)
        if not isinstance(label, int) or label in fields:
            raise ValueError("labels of the key are different integers")
        fields[label] = value
    if place != len(octets):
        raise ValueError("octets follow after the key")
    return fields


def _item(octets: bytes, place: int) -> tuple[int | bytes, int]:
    """(integer or byte string at `place`, the place after it)."""
    major, number, place = _head(octets, place)
    if major == 0:
        return number, place
    if major == 1:
        return -1 - number, place
    if major == 2 and place + number <= len(octets):
        return octets[place : place + number], place + number
    raise ValueError("the key holds something else than integers and byte strings")


def _head(octets: bytes, place: int) -> tuple[int, int, int]:
    """(major type, argument, place after the head) in shortest form."""
    if place >= len(octets):
        raise ValueError("the key ends too early")
    major, short = octets[place] >> 5, octets[place] & 31
    if short < 24:
        return major, short, place + 1
    width = {24: 1, 25: 2}.get(short, 0)
    argument = octets[place + 1 : place + 1 + width]
    if not width or len(argument) != width:
        raise ValueError("the key ends too early or holds a number too large")
    number = int.from_bytes(argument, "big")
    if number < (24 if width == 1 else 256):
        raise ValueError("a number of the key is not in shortest form")
    return major, number, place + 1 + width
