"""The event log: changed, removed, inserted and cut lines are found; nothing is told undurable."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paywarden.cde.events import GENESIS, EventLog, Head, verify
from paywarden.core.clock import FixedClock
from paywarden.core.errors import Corrupt, Unavailable


def written(path: Path, count: int = 5) -> list[bytes]:
    log = EventLog(path, FixedClock(1_000))
    for number in range(count):
        assert log.append("made", "info", "acme/test", {"number": number}).result(10) == number + 1
    log.close()
    return path.read_bytes().splitlines(keepends=True)


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    written(path)
    log = EventLog(path, FixedClock(2_000))
    assert log.append("made", "info", "acme/test", {}).result(10) == 6
    head = log.head
    log.close()
    assert verify(path) == head
    assert path.stat().st_mode & 0o777 == 0o600


@settings(max_examples=60)
@given(st.integers(0, 4), st.sampled_from(["remove", "repeat", "bend", "swap", "cut"]), st.data())
def test_no_change_before_the_end_passes(
    tmp_path_factory: pytest.TempPathFactory, at: int, kind: str, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    lines = written(path)
    if kind == "remove" and at < 4:
        del lines[at]
    elif kind == "repeat":
        lines.insert(at, lines[at])
    elif kind == "swap" and at < 4:
        lines[at], lines[at + 1] = lines[at + 1], lines[at]
    elif kind == "bend" and at < 4:
        octets = bytearray(lines[at])
        octets[data.draw(st.integers(0, len(octets) - 2))] ^= 1
        lines[at] = bytes(octets)
    else:
        lines[-1] = lines[-1][: data.draw(st.integers(1, len(lines[-1]) - 1))]
    path.write_bytes(b"".join(lines))
    with pytest.raises(Corrupt, match="events_corrupt"):
        verify(path)


def test_a_cut_at_a_line_is_seen_against_a_head_kept_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    lines = written(path)
    kept = verify(path)
    path.write_bytes(b"".join(lines[:-1]))
    assert verify(path) != kept
    path.write_bytes(b"")
    assert verify(path) == Head(0, GENESIS)


def test_many_threads_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, FixedClock(1_000))

    def write() -> None:
        for _ in range(50):
            log.append("made", "info", "acme/test", {}).result(10)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    assert verify(path).seq == 400


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("4111111111111111", "[digits]"),
        ("card 4111-1111 1111.1111 gone", "card [digits] gone"),
        ("001234111111111111111199", "[digits]"),
        ("100000000000012", "100000000000012"),  # an acquirer's merchant id
        ("order 123456789012", "order 123456789012"),
    ],
)
def test_a_number_is_cut_out(tmp_path: Path, text: str, kept: str) -> None:
    path = tmp_path / "events.jsonl"
    log = EventLog(path, FixedClock(1_000))
    log.append("made", "info", "acme/test", {"text": text}).result(10)
    log.close()
    assert json.loads(path.read_bytes())["detail"] == {"text": kept}


def test_a_disk_that_refuses_ends_the_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = EventLog(tmp_path / "events.jsonl", FixedClock(1_000))

    def full(_handle: int, _octets: bytes) -> None:
        raise OSError("no space")

    with monkeypatch.context() as bent:
        bent.setattr("paywarden.cde.events._write_all", full)
        with pytest.raises(Unavailable, match="events_unwritable"):
            log.append("made", "info", "acme/test", {}).result(10)
    with pytest.raises(Unavailable, match="events_unwritable"):
        log.append("made", "info", "acme/test", {}).result(10)  # a line may be half there
    log.close()
