"""Wrapping, indexing and signing: properties, and what must not open."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde.keys.making import first_ring, key_maker
from paywarden.cde.keys.model import Ring, Status, destroyed, rotated
from paywarden.cde.keys.using import KeyUse
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.kit.clock import SystemRandomness

RANDOMNESS = SystemRandomness()
MAKE = key_maker(RANDOMNESS)


def ring_with_months(*months: str) -> Ring:
    ring = first_ring(RANDOMNESS, 1)
    return ring.adding([MAKE("pan", month, 1).moved(Status.ACTIVE, 1) for month in months])


RING = ring_with_months("2026-10", "2026-11")
USE = KeyUse(RING, RANDOMNESS)
HERE = ("shop/test", "pan", "2026-11", 1, b"record-1")
NAMES = st.from_regex(r"\A[a-z0-9]{1,8}\Z")


@given(scope=NAMES, context=st.binary(min_size=1, max_size=256))
def test_what_is_wrapped_opens_again(scope: str, context: bytes) -> None:
    key, wrapped = USE.wrap(scope, "pan", "2026-11", context)
    assert (len(key), len(wrapped)) == (32, 60)
    assert USE.unwrap(scope, "pan", "2026-11", 1, context, wrapped) == key


WRONG = {
    "another tenant": ("other/test", "pan", "2026-11", 1, b"record-1"),
    "another environment": ("shop/live", "pan", "2026-11", 1, b"record-1"),
    "another month": ("shop/test", "pan", "2026-10", 1, b"record-1"),
    "another record": ("shop/test", "pan", "2026-11", 1, b"record-2"),
    "a longer record": ("shop/test", "pan", "2026-11", 1, b"record-11"),
}


@pytest.mark.parametrize("place", WRONG.values(), ids=WRONG.keys())
def test_a_wrapped_key_opens_nowhere_else(place: tuple[str, str, str, int, bytes]) -> None:
    _, wrapped = USE.wrap(*HERE[:3], HERE[4])
    with pytest.raises(InvalidRequest) as refused:
        USE.unwrap(*place, wrapped)
    assert refused.value.code == "wrapped_key_invalid"


@given(st.integers(0, 479))
def test_no_bit_of_a_wrapped_key_may_change(bit: int) -> None:
    _, wrapped = USE.wrap(*HERE[:3], HERE[4])
    changed = bytearray(wrapped)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidRequest):
        USE.unwrap(*HERE, bytes(changed))


def test_another_version_does_not_open_what_the_first_wrapped() -> None:
    _, wrapped = USE.wrap(*HERE[:3], HERE[4])
    turned = KeyUse(rotated(RING, "pan", 2, MAKE), RANDOMNESS)
    assert turned.unwrap(*HERE, wrapped)
    with pytest.raises(InvalidRequest):
        turned.unwrap(*HERE[:3], 2, HERE[4], wrapped)
    with pytest.raises(NotFound):
        turned.unwrap(*HERE[:3], 3, HERE[4], wrapped)


def test_a_destroyed_month_or_version_opens_nothing() -> None:
    _, wrapped = USE.wrap(*HERE[:3], HERE[4])
    shredded = KeyUse(destroyed(RING, "pan", "2026-11", 2), RANDOMNESS)
    gone = KeyUse(destroyed(rotated(RING, "pan", 2, MAKE), "pan", "1", 3), RANDOMNESS)
    for use in (shredded, gone):
        with pytest.raises(Conflict) as refused:
            use.unwrap(*HERE, wrapped)
        assert refused.value.code == "key_destroyed"


def test_index_digests_are_keyed_by_scope_and_version_and_newest_first() -> None:
    number = b"4111111111111111"
    [(version, digest)] = USE.index("shop/test", number)
    assert (version, len(digest)) == (1, 32)
    assert digest != USE.index("other/test", number)[0][1]
    turned = KeyUse(rotated(RING, "index", 2, MAKE), RANDOMNESS)
    both = turned.index("shop/test", number)
    assert [one for one, _ in both] == [2, 1]
    assert both[1][1] == digest != both[0][1]


def framed_by_hand(*parts: bytes) -> bytes:
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


@pytest.mark.parametrize("scope", ["shop/test", "other/test"])
def test_the_wrapping_is_aes_gcm_under_hkdf_as_documented(scope: str) -> None:
    key, wrapped = USE.wrap(scope, "pan", "2026-11", b"record-1")
    material = RING.active("pan").material + RING.named("pan", "2026-11").material
    place = (scope.encode(), b"pan", b"2026-11", b"1")
    extracted = hmac.digest(b"paywarden.cde.v1", material, "sha256")  # RFC 5869, by hand
    info = framed_by_hand(b"pw.kek.1", *place)
    kek = hmac.digest(extracted, info + b"\x01", "sha256")
    aad = framed_by_hand(b"pw.dek.1", *place, b"record-1")
    assert AESGCM(kek).decrypt(wrapped[:12], wrapped[12:], aad) == key


def test_the_index_is_hmac_under_hkdf_as_documented() -> None:
    material = RING.active("index").material
    info = framed_by_hand(b"pw.index.1", b"shop/test", b"1")
    extracted = hmac.digest(b"paywarden.cde.v1", material, "sha256")  # RFC 5869, by hand
    key = hmac.digest(extracted, info + b"\x01", "sha256")
    wanted = hmac.new(key, b"4111111111111111", hashlib.sha256).digest()
    assert USE.index("shop/test", b"4111111111111111") == [(1, wanted)]


def test_facts_are_signed_under_their_domain_alone() -> None:
    key_id, signature = USE.sign(b"{}")
    [(listed, public, state)] = USE.facts_keys()
    assert (listed, state) == (key_id, "active")
    Ed25519PublicKey.from_public_bytes(public).verify(signature, b"paywarden.card-facts.v1\n{}")
    turned = KeyUse(rotated(RING, "facts", 2, MAKE), RANDOMNESS)
    assert [state for _, _, state in turned.facts_keys()] == ["active", "deactivated"]
    assert turned.sign(b"{}")[0] != key_id
