"""Keyed digests: separation of kinds and keys, and a cache that forgets without lying."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from paywarden.core.secret import Secret
from paywarden.risk.features import heap
from paywarden.risk.features.digests import Digester, combined, mix
from paywarden.risk.features.jit import door


def test_kinds_keys_and_values_are_separate() -> None:
    one, two = Digester(Secret(b"k" * 32)), Digester(Secret(b"q" * 32))
    found = {
        one.digest("card", "a"),
        one.digest("card", "b"),
        one.digest("ca", "rda"),
        one.digest("device", "a"),
        one.digest("card", ""),
        two.digest("card", "a"),
    }
    assert len(found) == 6
    assert all(0 < word < 2**64 for word in found)


def test_digest_is_blake2b_with_the_kind_in_front() -> None:
    message = b"\x00\x04card" + "Grüße".encode()
    expected = hashlib.blake2b(message, digest_size=8, key=b"k" * 32, person=b"paywarden-digest")
    word = Digester(Secret(b"k" * 32)).digest("card", "Grüße")
    assert word == int.from_bytes(expected.digest(), "big")


def test_cache_turns_over_and_lone_surrogates_pass() -> None:
    digester = Digester(Secret(b"k" * 32))
    first = digester.digest("card", "0")
    for number in range(70_000):
        digester.digest("card", str(number))
    assert digester.digest("card", "0") == first
    assert digester.digest("card", "\ud800") != 0


@pytest.mark.parametrize("size", [0, 15, 65])
def test_key_of_a_wrong_size_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="16 to 64"):
        Digester(Secret(b"k" * size))


def test_mixing_is_the_same_compiled() -> None:
    words = [0, 1, 2**63, 2**64 - 1, 0x0123456789ABCDEF]
    compiled_mix = door(heap.mix.py_func)  # type: ignore[attr-defined]
    for word in words:
        signed = word - 2**64 if word >= 2**63 else word
        assert int(np.uint64(compiled_mix(signed))) == mix(word)


def test_combination_depends_on_order_and_absence() -> None:
    assert combined([5]) == 5
    assert combined([5, 0]) == 0
    assert combined([5, 6]) not in (0, combined([6, 5]), combined([5, 6, 7]))
