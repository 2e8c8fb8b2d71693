"""What a coverage-guided fuzzer found worth keeping about headers is read again, and bent a little.

`header_readers.py` is the fuzzer, and says how it is run.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from header_readers import one, readers

KEPT = [
    base64.b64decode(line)
    for line in Path(__file__).with_name("header_corpus.txt").read_text("ascii").split()
]
READERS = readers()


@pytest.mark.parametrize("number", range(len(KEPT)))
def test_each_is_read_or_refused_with_a_code(number: int) -> None:
    octets = KEPT[number]
    one(octets, READERS)
    for cut in range(len(octets)):
        one(octets[:cut], READERS)
        one(octets[:cut] + bytes([octets[cut] ^ 1]) + octets[cut + 1 :], READERS)


def test_the_corpus_reaches_every_reader() -> None:
    assert {octets[0] % len(READERS) for octets in KEPT} == set(range(len(READERS)))
    assert sum(map(len, KEPT)) < 20_000


def test_a_reader_that_fails_is_seen() -> None:
    def broken(text: str) -> None:
        raise IndexError(text)

    with pytest.raises(IndexError):
        one(b"\x00x", [broken])
