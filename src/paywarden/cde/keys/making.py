"""Fresh keys and their check values.

A check value lets two people see that they hold the same key without seeing it. AES keys: AES-CMAC
of a zero block, five octets (ANSI X9.24-1-2017, annex A). HMAC keys: HMAC of our own domain.
Ed25519: SHA-256 of the public key. Five octets tell nothing usable about 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

from paywarden.cde.keys.model import (
    CRYPTOPERIOD_DAYS,
    KEY_OCTETS,
    PERIOD_DAYS,
    Key,
    MakeKey,
    Ring,
    Status,
)
from paywarden.core.clock import Randomness

CHECK_OCTETS: Final = 5
_DOMAIN: Final = b"paywarden.check-value.v1"


def check_value(purpose: str, material: bytes) -> str:
    """Ten hexadecimal digits that name `material`."""
    if purpose == "facts":
        public = Ed25519PrivateKey.from_private_bytes(material).public_key().public_bytes_raw()
        octets = hashlib.sha256(public).digest()
    elif purpose == "pan":
        mac = CMAC(AES(material))
        mac.update(bytes(16))
        octets = mac.finalize()
    else:
        octets = hmac.digest(material, _DOMAIN, "sha256")
    return octets[:CHECK_OCTETS].hex()


def key_maker(randomness: Randomness) -> MakeKey:
    """Makes pre-active keys out of `randomness`."""

    def make(purpose: str, name: str, now_us: int) -> Key:
        material = randomness.octets(KEY_OCTETS)
        days = PERIOD_DAYS if "-" in name else CRYPTOPERIOD_DAYS[purpose]
        value = check_value(purpose, material)
        return Key(purpose, name, Status.PRE_ACTIVE, material, value, now_us, days)

    return make


def first_ring(randomness: Randomness, now_us: int) -> Ring:
    """Version 1 of every purpose, active."""
    make = key_maker(randomness)
    keys = [make(purpose, "1", now_us) for purpose in CRYPTOPERIOD_DAYS]
    active = tuple(key.moved(Status.ACTIVE, now_us) for key in keys)
    return Ring(1, randomness.octets(16), active)
