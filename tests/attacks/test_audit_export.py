"""Attacks on an export: the verifier names each, and the first bad record.

The attacker may write the folder; the auditor holds pinned keys. Where the attacker also holds the
log's key, only what others remember (a known checkpoint, a witness) tells.
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "evidence"))
import evidence_room
from evidence_room import LOG_KEY, WITNESS_KEY, Room, empty_log, home, seed, verdict

from paywarden.core.clock import FixedClock
from paywarden.evidence.checkpoint import Checkpoint, parse_checkpoint
from paywarden.evidence.cosignature import cosign
from paywarden.evidence.log_key import LogKey
from paywarden.evidence.note import parse_note

__all__ = ["empty_log", "home"]
Verify = Callable[..., tuple[int, dict[str, Any]]]
COUNTS = (300, 250, 3, 120)
TOTAL = sum(COUNTS)


@pytest.fixture
def log(home: Path) -> Iterator[Room]:
    with evidence_room.opened(home) as room:
        room.grow(*COUNTS)
        yield room


@pytest.fixture
def export(log: Room, tmp_path: Path) -> Path:
    return log.export(tmp_path / "export")


@pytest.fixture
def check(log: Room, export: Path, capsys: pytest.CaptureFixture[str]) -> Verify:
    trust = log.trust()
    return lambda *more: verdict(capsys, export, "--trust", trust, *more)


def lines_of(export: Path) -> list[bytes]:
    return (export / "records" / "000000.jsonl").read_bytes().splitlines()


def put_lines(export: Path, lines: list[bytes]) -> None:
    (export / "records" / "000000.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def notes_of(export: Path) -> list[str]:
    return [json.loads(line) for line in (export / "checkpoints.jsonl").read_text().splitlines()]


def put_notes(export: Path, notes: list[str]) -> None:
    (export / "checkpoints.jsonl").write_text("".join(json.dumps(note) + "\n" for note in notes))


def test_an_honest_export_holds(check: Verify) -> None:
    code, found = check()
    assert code == 0, found
    assert (found["verdict"], found["records"], found["checkpoints"]) == ("verified", TOTAL, 4)


CHANGES = {
    "action": "lists:entries:remove", "actor": "key:key_b", "at_us": 1_795_309_323_000_001,
    "detail": {"number": 8}, "origin": "log.example/other", "outcome": "refused",
    "personal": {"email": "0" * 64}, "scope": "acme/live",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_changed_field_is_named(check: Verify, export: Path, name: str) -> None:
    lines = lines_of(export)
    record = json.loads(lines[417])
    assert record[name] != CHANGES[name]
    record[name] = CHANGES[name]
    lines[417] = json.dumps(record, sort_keys=True, separators=(",", ":")).encode()
    put_lines(export, lines)
    code, found = check()
    assert code == 1
    assert (found["verdict"], found["first_bad_record"]) == ("record_altered", 417)


@pytest.mark.parametrize("tiles", ["kept", "gone"])
def test_any_flipped_bit_is_found(check: Verify, export: Path, tiles: str) -> None:
    if tiles == "gone":
        shutil.rmtree(export / "tile")
    lines = lines_of(export)
    honest = lines[500]
    for place in range(0, len(honest), 3):
        spoiled = bytearray(honest)
        spoiled[place] ^= 1 << place % 7
        if bytes(spoiled) == honest or b"\n" in spoiled:
            continue
        lines[500] = bytes(spoiled)
        put_lines(export, lines)
        code, found = check()
        assert code == 1
        # Without tiles, the first checkpoint that does not fit bounds where the change is.
        wanted = (500,) if tiles == "kept" else (500, 300)
        assert found["first_bad_record"] in wanted, (place, found)


def test_a_deleted_record_is_named(check: Verify, export: Path) -> None:
    lines = lines_of(export)
    del lines[123]
    put_lines(export, lines)
    code, found = check()
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "record_out_of_place", 123)


def test_a_deletion_with_new_numbers_is_named(check: Verify, export: Path) -> None:
    lines = lines_of(export)
    del lines[123]
    fresh = []
    for index, line in enumerate(lines):
        record = json.loads(line)
        record["index"] = index
        fresh.append(json.dumps(record, sort_keys=True, separators=(",", ":")).encode())
    put_lines(export, fresh)
    code, found = check()
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "record_altered", 123)


def test_reordered_records_are_named(check: Verify, export: Path) -> None:
    lines = lines_of(export)
    lines[40], lines[41] = lines[41], lines[40]
    put_lines(export, lines)
    code, found = check()
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "record_out_of_place", 40)


def test_an_added_record_is_named(check: Verify, export: Path) -> None:
    lines = lines_of(export)
    put_lines(export, [*lines, lines[-1].replace(b'"index":672', b'"index":673')])
    code, found = check()
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "record_unexpected", TOTAL)


def test_truncated_records_are_named(check: Verify, export: Path) -> None:
    put_lines(export, lines_of(export)[:600])
    code, found = check()
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "record_missing", 600)


def test_a_cut_line_is_named(check: Verify, export: Path) -> None:
    path = export / "records" / "000000.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    code, found = check()
    assert code == 1 and found["first_bad_record"] == TOTAL - 1


def test_cutting_records_and_checkpoints_is_seen_by_who_kept_one(
    check: Verify, export: Path, tmp_path: Path
) -> None:
    notes = notes_of(export)
    kept = tmp_path / "kept.note"
    kept.write_text(notes[-1])
    put_notes(export, notes[:-1])
    put_lines(export, lines_of(export)[: TOTAL - COUNTS[-1]])
    assert check()[0] == 0  # nothing inside the folder can show it
    code, found = check("--known", kept)
    assert (code, found["verdict"]) == (1, "truncated")
    assert found["first_bad_record"] == TOTAL - COUNTS[-1]


def rewritten(home: Path, folder: Path, key: LogKey) -> Path:
    """Another history of the same length, signed by `key`."""
    folder.mkdir()
    shutil.copy(home, folder / "log.sqlite")
    with evidence_room.opened(folder, FixedClock(evidence_room.T0), key) as room:
        room.add(100)
        room.add(200, actor="key:key_evil")
        room.sign()
        room.grow(*COUNTS[1:])
        return room.export(folder / "export")


def test_a_rewritten_history_is_seen_by_who_kept_a_checkpoint(
    export: Path, empty_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], log: Room
) -> None:
    evil = rewritten(empty_log, tmp_path / "evil", LOG_KEY)
    kept = tmp_path / "kept.note"
    kept.write_text(notes_of(export)[0])
    assert verdict(capsys, evil, "--trust", log.trust())[0] == 0
    code, found = verdict(capsys, evil, "--trust", log.trust(), "--known", kept)
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "root_differs", 0)


def test_a_fork_is_named(
    check: Verify, export: Path, empty_log: Path, tmp_path: Path
) -> None:  # fmt: skip
    evil = rewritten(empty_log, tmp_path / "evil", LOG_KEY)
    notes = notes_of(export)
    put_notes(export, [*notes[:2], notes_of(evil)[1], *notes[2:]])
    code, found = check()
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "fork", 549)


def test_a_replayed_checkpoint_is_named(check: Verify, export: Path) -> None:
    notes = notes_of(export)
    put_notes(export, [*notes, notes[1]])
    code, found = check()
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "checkpoint_replayed", 550)


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda c: Checkpoint(c.origin, c.size, bytes(32), c.at_us), "signature_wrong"),
        (lambda c: Checkpoint(c.origin, c.size - 1, c.root, c.at_us), "signature_wrong"),
        (lambda c: Checkpoint(c.origin, c.size, c.root, c.at_us + 1), "signature_wrong"),
        (lambda c: Checkpoint("other", c.size, c.root, c.at_us), "origin_unknown"),
    ],
)
def test_a_changed_checkpoint_is_named(
    check: Verify, export: Path, change: Callable[[Checkpoint], Checkpoint], wanted: str
) -> None:
    notes = notes_of(export)
    parsed = parse_note(notes[2])
    text = change(parse_checkpoint(parsed.text)).text
    notes[2] = f"{text}\n{parsed.signatures[0].line}\n"
    put_notes(export, notes)
    code, found = check()
    assert code == 1
    assert found["verdict"] in (wanted, "root_differs", "origin_changed"), found


def test_an_exporter_that_ships_its_own_keys_is_not_believed(
    export: Path, empty_log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], log: Room
) -> None:
    own = LogKey(LOG_KEY.name, seed("the exporter's"))
    evil = rewritten(empty_log, tmp_path / "evil", own)
    (evil / "trust").write_text(f"log {own.signer().verifier.text}\n")
    assert verdict(capsys, evil)[0] == 2  # keys beside the records are never read
    code, found = verdict(capsys, evil, "--trust", log.trust())
    assert (code, found["verdict"]) == (1, "signature_wrong")
    assert found["first_bad_record"] == COUNTS[0] - 1


def test_a_wrong_or_missing_cosignature_is_named(check: Verify, export: Path, log: Room) -> None:
    witness = WITNESS_KEY.signer()
    notes = notes_of(export)
    text = parse_note(notes[-1]).text
    right = cosign(text, witness, 1_795_309_323)
    trust = log.trust(f"witness w {witness.verifier.text}", "quorum w")
    code, found = check()
    assert (code, found["verdict"]) == (1, "witness_missing")
    put_notes(export, [*notes[:-1], notes[-1] + right + "\n"])
    code, found = check()
    assert (code, found["cosigned_checkpoints"]) == (0, 1)
    octets = bytearray(base64.b64decode(right.split(" ")[2]))
    octets[-1] ^= 1
    wrong = f"— witness.example {base64.b64encode(octets).decode()}"
    put_notes(export, [*notes[:-1], notes[-1] + wrong + "\n"])
    code, found = check()
    assert (code, found["verdict"]) == (1, "cosignature_wrong")
    assert trust.exists()


def test_a_backdated_record_is_named(home: Path, tmp_path: Path, capsys: Any) -> None:
    clock = FixedClock(evidence_room.T0)
    with evidence_room.opened(home, clock) as room:
        room.grow(10)
        clock.advance(7_200)
        room.grow(5)
        clock.advance(-3_600)
        room.add(1)  # written an hour before the checkpoint that stood already
        clock.advance(3_600)
        room.sign()
        export = room.export(tmp_path / "export")
        code, found = verdict(capsys, export, "--trust", room.trust())
    assert (code, found["verdict"], found["first_bad_record"]) == (1, "time_implausible", 15)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '"no note"', "\x00", '"a\\n1\\nAAAA\\n\\nx\\n"'])
def test_hostile_checkpoint_files_are_refused(check: Verify, export: Path, text: str) -> None:
    (export / "checkpoints.jsonl").write_text(text + "\n" if text else "")
    code, found = check()
    assert code == 1 and found["verdict"]
