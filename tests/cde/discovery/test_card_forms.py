"""Recall and precision on a planted corpus, and laws of the block reader."""

from __future__ import annotations

import io
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.cde.discovery.block import hits
from paywarden.cde.discovery.findings import Findings
from paywarden.cde.discovery.judgement import masked
from paywarden.cde.discovery.published_numbers import TEST_NUMBERS
from paywarden.cde.discovery.streaming import BLOCK_OCTETS, stream_hits
from paywarden.cde.discovery.walking import scan_tree
from paywarden.reference.card_brands import card_brands
from paywarden.reference.card_numbers import looks_like_card_number, luhn_valid

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))

import _card_corpus as corpus

# Of one number in some hundred the digits before it are a shorter one, or its packed octets a word.
AMBIGUOUS = 0.97


@pytest.fixture(scope="module")
def scanned(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, dict[str, str]], dict[str, list[str]]]:
    """(planted, masked numbers found by path)."""
    root = tmp_path_factory.mktemp("corpus")
    planted = corpus.plant(root, seed=4_021, each=8)
    findings = Findings(b"\1" * 32)
    scan_tree(root, findings, lambda _name: None)
    assert findings.skipped == []
    found: dict[str, list[str]] = {}
    for one in findings.found:
        found.setdefault(one.path.split("!")[0].split("#")[0], []).append(one.masked)
    return planted, found


def test_recall_and_precision_over_all_forms(scanned) -> None:  # type: ignore[no-untyped-def]
    planted, found = scanned
    right = wrong = total = 0
    for files in planted.values():
        for path, number in files.items():
            told = found.get(path, [])
            total += bool(number)
            right += bool(number) and masked(number) in told
            wrong += sum(not number or one != masked(number) for one in told)
    assert right / total >= AMBIGUOUS
    assert right / (right + wrong) >= AMBIGUOUS


@pytest.mark.parametrize("form", corpus.FORMS)
def test_every_form_is_found(scanned, form: str) -> None:  # type: ignore[no-untyped-def]
    planted, found = scanned
    files = planted[form]
    right = sum(masked(number) in found.get(path, []) for path, number in files.items())
    assert right >= len(files) - 1


@pytest.mark.parametrize("form", corpus.INNOCENTS)
def test_innocents_are_left_alone(scanned, form: str) -> None:  # type: ignore[no-untyped-def]
    planted, found = scanned
    (path,) = planted["innocent " + form]
    # Of 160 lines each; a version or an address may by chance read as groups of a card.
    assert len(found.get(path, [])) <= (1 if form in ("versions", "ip-addresses") else 0)


def test_published_test_numbers_are_told_apart() -> None:
    for number in TEST_NUMBERS:
        assert luhn_valid(number) and card_brands().accepts(number)
    (test,) = hits(b"card 4111-1111-1111-1111 ok")
    (real,) = hits(b"card 4539-5787-6362-1486 ok")
    assert (test.kind, real.kind) == ("test_pan", "pan")


@pytest.mark.parametrize(
    ("text", "kind", "offset"),
    [
        (b"%B4539578763621486^DOE/JOHN^29121010000?", "track1", 2),
        (b"%B4539578763621486 ^DOE/JOHN^29121010000?", "track1", 2),
        (b";4539578763621486=29121010000000?", "track2", 1),
        (b"4539578763621486D29121010000000", "track2", 0),
        (b"4539578763621486=29131010000000", "pan", 0),  # a month that is none
        (b"B4539578763621486", "pan", 1),
    ],
)
def test_tracks_by_their_marks(text: bytes, kind: str, offset: int) -> None:
    (hit,) = hits(text)
    assert (hit.kind, hit.start) == (kind, offset)


@pytest.mark.parametrize(
    "text",
    [
        b"0.4539578763621486",
        b"4539578763621486.25",
        b"14539578763621486",
        b"4539578763621486000000",
        b"iban: 4539578763621486",
        b"tracking no. 4539578763621486",
        b"+4539578763621480",
        b"0123456789abcdef4539578763621486fedcba98",
        b"4539 5787 6362 1486 1234 9999",
        b"1234 4539 5787 6362 1486",
    ],
)
def test_surroundings_acquit(text: bytes) -> None:
    assert hits(text) == []


@pytest.mark.parametrize(
    "text",
    [
        b"4539578763621486.00",
        b"x4539578763621486y",
        b"4539 5787 6362 1486 12/29 123",
        b"4539 5787 6362 1486 4916 3385 0608 2832",
        b"Amount 12 4539578763621486",
        b"2026-11-25 4539578763621486",
        b"\xff\xfe\xfd4539578763621486\xc3",
        b"a=1&q=4539+5787+6362+1486",
    ],
)
def test_surroundings_do_not_hide(text: bytes) -> None:
    assert hits(text)[0].digits == "4539578763621486"


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 3_000), st.sampled_from(["", " ", "-"]))
def test_place_and_cut_do_not_matter(seed: int, before: int, mark: str) -> None:
    """A number is found once, at its octet, wherever a stream is cut into pieces."""
    number = corpus.pan(random.Random(seed), "4", 16)
    text = b"w " * before + corpus.grouped(number, mark).encode() + b" w" * 700
    source = io.BytesIO(text)
    cut = random.Random(seed).randrange(1, 900)
    (hit,) = stream_hits(lambda _octets: source.read(cut))
    assert (hit.digits, hit.start) == (number, 2 * before)


@pytest.mark.parametrize("shift", [0, 1, 7, 15, 16, 40, 1_000, 1_024])
def test_numbers_across_blocks(shift: int) -> None:
    text = b"." * (BLOCK_OCTETS - shift) + b" 4539578763621486 " + b"." * 3_000
    (hit,) = stream_hits(io.BytesIO(text).read)
    assert hit.start == BLOCK_OCTETS - shift + 1


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3_000))
def test_no_octets_break_it(octets: bytes) -> None:
    for hit in hits(octets):
        assert 0 <= hit.start < hit.end <= len(octets)
        assert 13 <= len(hit.digits) <= 19 and luhn_valid(hit.digits)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789 -4539", max_size=60))
def test_what_it_reports_is_what_requests_are_refused_for(text: str) -> None:
    """The scanner's plain text agrees with the filter at the doors: never stricter than it."""
    for hit in hits(text.encode()):
        assert looks_like_card_number(hit.digits)
