"""Shares and components: any k make the key, k-1 tell nothing, and typing errors are named."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.cde.ceremonies import components, shamir
from paywarden.cde.ceremonies.galois import evaluate, inverse, multiply, weights_at_zero
from paywarden.cde.ceremonies.parts import GROUPS, Kind, Part, printed, read
from paywarden.cde.primitives import check_value
from paywarden.core.errors import InvalidRequest
from paywarden.core.secret import Secret

KEYS = st.binary(min_size=32, max_size=32)


class Drawn:
    """Randomness from a seed: the SHA-256 of a counter."""

    def __init__(self, seed: int = 0) -> None:
        self.seed, self.at = seed, 0

    def octets(self, count: int) -> bytes:
        out = b""
        while len(out) < count:
            self.at += 1
            out += hashlib.sha256(b"%d/%d" % (self.seed, self.at)).digest()
        return out[:count]


def slow_product(a: int, b: int) -> int:
    """Schoolbook: multiply polynomials, then divide."""
    product = 0
    for bit in range(8):
        if b >> bit & 1:
            product ^= a << bit
    for bit in range(14, 7, -1):
        if product >> bit & 1:
            product ^= 0x11B << (bit - 8)
    return product


def test_every_product_and_inverse_is_right() -> None:
    for a in range(256):
        for b in range(256):
            assert multiply(a, b) == slow_product(a, b)
        assert multiply(a, inverse(a)) == (1 if a else 0)


@settings(max_examples=40, deadline=None)
@given(KEYS, st.integers(2, 6), st.integers(0, 4), st.integers(0, 10**6), st.randoms())
def test_any_k_make_the_key(key: bytes, needed: int, more: int, seed: int, order: object) -> None:
    parts = shamir.split(Secret(key), needed, needed + more, Drawn(seed))
    chosen = order.sample(parts, needed)  # type: ignore[attr-defined]
    assert shamir.join(chosen) == Secret(key)
    with pytest.raises(InvalidRequest, match="parts_missing"):
        shamir.join(chosen[:-1])


def test_every_subset_of_3_of_5_and_none_of_2() -> None:
    key = Secret(bytes(range(32)))
    parts = shamir.split(key, 3, 5, Drawn())
    assert all(shamir.join(list(some)) == key for some in combinations(parts, 3))
    for two in combinations(parts, 2):  # pretend that two suffice: another key comes out
        lowered = [Part(one.kind, one.set_id, 2, one.place, one.value) for one in two]
        assert shamir.join(lowered) != key


def test_k_minus_1_shares_are_independent_of_the_key_exhaustively() -> None:
    """For every pair of secrets, the shares at two places of 3-of-n take each value equally."""
    for places in ((1, 2), (2, 5)):
        seen = []
        for secret in (0, 1, 0x53, 0xFF):
            found: Counter[tuple[int, int]] = Counter()
            for a in range(256):
                for b in range(256):
                    found[tuple(evaluate([secret, a, b], x) for x in places)] += 1  # type: ignore[index]
            assert len(found) == 65_536 and set(found.values()) == {1}
            seen.append(found)
        assert all(one == seen[0] for one in seen)


def test_shares_of_a_constant_key_look_uniform() -> None:
    """Chi-squared of 25,600 octets of one share of an all-zero key, 255 degrees of freedom."""
    drawn, counts = Drawn(7), Counter[int]()
    for _ in range(800):
        counts.update(shamir.split(Secret(bytes(32)), 2, 2, drawn)[0].value.expose())
    statistic = sum((counts[octet] - 100) ** 2 / 100 for octet in range(256))
    assert 165 < statistic < 370  # far outside one in a million either way


def test_published_interpolation_and_own_vector() -> None:
    """Weights at zero for places 1, 2, 3 by hand; then one retyped set of ours."""
    assert weights_at_zero([1, 2]) == [multiply(2, inverse(3)), inverse(3)]
    assert weights_at_zero([1, 2, 3]) == [1, 1, 1]
    parts = shamir.split(Secret(bytes(range(32))), 2, 3, Drawn(1))
    assert [one.value.expose()[:4].hex() for one in parts] == OWN_VECTOR
    key = bytearray()
    for at in range(32):  # x=1 and x=2, by the formula of a line: s = (2*y1 + y2) / 3
        y1, y2 = (one.value.expose()[at] for one in parts[:2])
        key.append(slow_product(slow_product(2, y1) ^ y2, inverse(3)))
    assert bytes(key) == bytes(range(32))


OWN_VECTOR = ["d90cf5be", "a91bf762", "701600df"]


@settings(max_examples=40, deadline=None)
@given(KEYS, st.integers(2, 6), st.integers(0, 10**6))
def test_components_make_the_key_only_together(key: bytes, count: int, seed: int) -> None:
    parts = components.split(Secret(key), count, Drawn(seed))
    assert components.join(parts) == Secret(key)
    assert all(len(one.value.expose()) == 32 for one in parts)
    with pytest.raises(InvalidRequest, match="parts_missing"):
        components.join(parts[1:])
    for value in {one.check for one in parts}:
        assert len(value) == 5


def test_mixed_doubled_and_foreign_parts_are_refused() -> None:
    key = Secret(bytes(32))
    one, other = shamir.split(key, 2, 3, Drawn(1)), shamir.split(key, 2, 3, Drawn(2))
    for bad, code in (
        ([one[0], other[1]], "parts_mixed"),
        ([one[0], one[0]], "part_twice"),
        ([], "parts_missing"),
        (components.split(key, 2, Drawn(3)), "parts_mixed"),
    ):
        with pytest.raises(InvalidRequest, match=code):
            shamir.join(bad)
    with pytest.raises(InvalidRequest, match="parts_mixed"):
        components.join(one[:2])
    for needed, count in ((1, 3), (4, 3), (2, 17), (0, 0)):
        with pytest.raises(InvalidRequest, match="threshold_invalid"):
            shamir.split(key, needed, count, Drawn())
    with pytest.raises(InvalidRequest, match="key_length"):
        shamir.split(Secret(bytes(16)), 2, 3, Drawn())


def test_check_value_is_the_cut_cmac_of_zeros() -> None:
    """AES-256 of SP 800-38B's example key: CMAC of a zero block, by two further oracles."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    first = int.from_bytes(encryptor.update(bytes(16)), "big")
    k1 = ((first << 1) ^ (0x87 if first >> 127 else 0)) & (2**128 - 1)
    assert k1.to_bytes(16, "big").hex() == "cad1ed03299eedac2e9a99808621502f"  # printed there
    assert check_value(Secret(key)) == encryptor.update(k1.to_bytes(16, "big"))[:5]


@settings(max_examples=60, deadline=None)
@given(KEYS, st.sampled_from(list(Kind)), st.integers(2, 16), st.integers(1, 16))
def test_printed_form_round_trips(value: bytes, kind: Kind, needed: int, place: int) -> None:
    part = Part(kind, b"\x00\xff\x10\x20", needed, place, Secret(value))
    text = printed(part).expose()
    assert read(Secret(text)) == part
    sloppy = text.lower().replace("0", "o").replace("1", "l").replace("\n", "-")
    assert read(Secret(sloppy)) == part


@settings(max_examples=150, deadline=None)
@given(KEYS, st.integers(0, GROUPS - 1), st.integers(0, 4), st.integers(1, 31))
def test_one_wrong_symbol_names_its_group(value: bytes, group: int, at: int, shift: int) -> None:
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    groups = printed(Part(Kind.SHAMIR, b"abcd", 2, 1, Secret(value))).expose().split()
    old = groups[group]
    new = alphabet[(alphabet.index(old[at]) + shift) % 32]
    groups[group] = old[:at] + new + old[at + 1 :]
    with pytest.raises(InvalidRequest) as caught:
        read(Secret(" ".join(groups)))
    assert caught.value.code == "part_group_wrong"
    assert caught.value.detail == f"mistyped: group {group + 1} of 18"
    assert old not in str(caught.value) and groups[group] not in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(KEYS, st.integers(0, GROUPS - 1), st.integers(0, 3), st.integers(0, GROUPS - 1))
def test_swapped_neighbours_and_swapped_groups_are_found(
    value: bytes, group: int, at: int, other: int
) -> None:
    groups = printed(Part(Kind.SHAMIR, b"abcd", 2, 1, Secret(value))).expose().split()
    old = groups[group]
    swapped = old[:at] + old[at + 1] + old[at] + old[at + 2 :]
    if swapped != old:
        with pytest.raises(InvalidRequest, match=f"group {group + 1} of"):
            read(Secret(" ".join([*groups[:group], swapped, *groups[group + 1 :]])))
    if other != group:
        groups[group], groups[other] = groups[other], groups[group]
        with pytest.raises(InvalidRequest, match="part_group_wrong"):
            read(Secret(" ".join(groups)))


@pytest.mark.parametrize("text", ["", "AAAAA", "é" * 90, "0" * 89, "0" * 91, "\x00" * 90])
def test_other_text_is_no_part(text: str) -> None:
    with pytest.raises(InvalidRequest, match="part_"):
        read(Secret(text))
