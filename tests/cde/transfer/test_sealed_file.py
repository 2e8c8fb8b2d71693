"""Sealed files: whole and in order, for one key, or not at all."""

from __future__ import annotations

import io
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paywarden.cde.transfer.sealed_file import (
    HEADER_OCTETS,
    PIECE_OCTETS,
    TAG_OCTETS,
    lines,
    opened,
    public_of,
    sealed,
)
from paywarden.core.errors import Corrupt, InvalidRequest, PaywardenError
from paywarden.core.secret import Secret
from paywarden.kit.clock import SystemRandomness

KEY: Final = Secret(b"k" * 32)
PIECE: Final = PIECE_OCTETS + TAG_OCTETS


def made(content: bytes, step: int = 10_000) -> bytes:
    chunks = [content[n : n + step] for n in range(0, len(content), step)]
    return b"".join(sealed(chunks, public_of(KEY), SystemRandomness()))


def read(octets: bytes, key: Secret[bytes] = KEY) -> bytes:
    return b"".join(opened(io.BytesIO(octets), key))


@given(st.integers(0, 3 * PIECE_OCTETS), st.integers(1_000, 2 * PIECE_OCTETS))
def test_what_was_sealed_opens_as_it_was(length: int, step: int) -> None:
    content = bytes(n % 251 for n in range(length))
    assert read(made(content, step)) == content


@pytest.mark.parametrize("length", [0, 1, PIECE_OCTETS, PIECE_OCTETS + 1, 2 * PIECE_OCTETS])
def test_pieces_end_where_they_should(length: int) -> None:
    octets = made(b"x" * length)
    pieces = max(1, -(-length // PIECE_OCTETS))
    assert len(octets) == HEADER_OCTETS + length + pieces * TAG_OCTETS
    assert read(octets) == b"x" * length


THREE: Final = made(b"a" * PIECE_OCTETS + b"b" * PIECE_OCTETS + b"c" * 100)
H: Final = HEADER_OCTETS
FIRST: Final = THREE[H : H + PIECE]
SECOND: Final = THREE[H + PIECE : H + 2 * PIECE]


@pytest.mark.parametrize(
    "spoilt",
    [
        THREE[:-1],
        THREE[: H + PIECE],
        THREE[: H + 2 * PIECE],
        THREE + b"x",
        THREE[:H] + SECOND + FIRST + THREE[H + 2 * PIECE :],
        THREE[: H + PIECE] + THREE[H + 2 * PIECE :],
        THREE[:H] + THREE[H + PIECE :],
        made(b"")[:H] + THREE[H:],
        THREE[:20] + bytes([THREE[20] ^ 1]) + THREE[21:],
        THREE[:-50] + bytes([THREE[-50] ^ 1]) + THREE[-49:],
        b"pwsealed1\n" + bytes(32) + THREE[H:],
        THREE[:H],
        b"",
    ],
    ids=["short", "one", "two", "long", "swapped", "left-out", "first-gone", "other-header",
         "key-bent", "bit", "low-order", "header-only", "empty"],
)  # fmt: skip
def test_anything_else_is_refused(spoilt: bytes) -> None:
    with pytest.raises(Corrupt, match="sealed_file_corrupt"):
        read(spoilt)


def test_another_key_opens_nothing_and_no_key_seals() -> None:
    with pytest.raises(Corrupt):
        read(THREE, Secret(b"o" * 32))
    for bad in (bytes(32), b"short"):
        with pytest.raises((InvalidRequest, PaywardenError)):
            b"".join(sealed([b"x"], bad, SystemRandomness()))


@given(st.lists(st.binary(max_size=30), max_size=12), st.integers(1, 17))
def test_lines_are_those_of_the_whole(parts: list[bytes], limit: int) -> None:
    whole = b"".join(parts).split(b"\n")
    if whole[-1] == b"":
        whole.pop()
    wanted = [b"" if len(one) > limit else one for one in whole]
    assert list(lines(parts, limit)) == wanted
