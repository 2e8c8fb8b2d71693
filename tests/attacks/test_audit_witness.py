"""Attacks on and by way of the witness: forks, smaller sizes, replays, unknown logs, wrong keys."""

from __future__ import annotations

import base64
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[1] / "evidence"))
import evidence_room
from evidence_room import LOG_KEY, NAME, WITNESS_KEY, Room, empty_log, home, room, seed, verdict

from paywarden.core.clock import FixedClock
from paywarden.evidence.checkpoint import Checkpoint
from paywarden.evidence.cosignature import cosigned_at
from paywarden.evidence.log_key import LogKey
from paywarden.evidence.metrics import EvidenceMetrics
from paywarden.evidence.note import Note, parse_note, parse_signature
from paywarden.evidence.stores.witness_files import WitnessFiles
from paywarden.evidence.submission import Submission, WitnessClient
from paywarden.evidence.tree import consistency_proof
from paywarden.evidence.witness import SIZE_TYPE, Witness
from paywarden.evidence.witness_http import server
from paywarden.kit.metrics import Metrics

__all__ = ["empty_log", "home", "room"]
SIGNER = WITNESS_KEY.signer()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "witness"
    made.mkdir()
    return made


@pytest.fixture
def witness(folder: Path) -> Witness:
    clock = FixedClock(evidence_room.T0)
    return Witness(SIGNER, [LOG_KEY.signer().verifier], WitnessFiles(folder), clock)


def ask(witness: Witness, old: int, proof: list[bytes], note: str) -> Any:
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof)]
    return witness.add_checkpoint("\n".join([*lines, "", note]).encode())


def test_growth_is_cosigned_and_nothing_else(room: Room, witness: Witness, folder: Path) -> None:
    room.grow(10)
    first = room.log.note
    answer = ask(witness, 0, [], first)
    line = parse_signature(answer.body.rstrip("\n"))
    assert cosigned_at(Note(parse_note(first).text, (line,)), SIGNER.verifier)
    room.grow(7)
    second, proof = room.log.note, consistency_proof(10, 17, room.log.tree.node)
    assert ask(witness, 10, [bytes(32), *proof[1:]], second).status == 422
    assert ask(witness, 10, proof[:-1], second).status == 422
    assert ask(witness, 10, [], second).status == 422
    assert len(list((folder / "forks").iterdir())) == 1  # kept as evidence
    stale = ask(witness, 9, proof, second)
    assert (stale.status, stale.body, stale.content_type) == (409, "10\n", SIZE_TYPE)
    assert ask(witness, 10, proof, second).status == 200
    assert ask(witness, 17, [], second).status == 200  # the same one again
    for old in (0, 10):  # an older checkpoint replayed
        assert ask(witness, old, [], first).status == 409
    assert ask(witness, 17, [], first).status == 400


def test_a_fork_of_one_size_is_refused_and_kept(room: Room, witness: Witness, folder: Path) -> None:
    room.grow(10)
    assert ask(witness, 0, [], room.log.note).status == 200
    fork = Checkpoint(NAME, 10, bytes(range(32)), evidence_room.T0).signed(LOG_KEY.signer())
    answer = ask(witness, 10, [], fork)
    assert (answer.status, answer.content_type) == (409, SIZE_TYPE)
    (kept,) = (folder / "forks").iterdir()
    assert kept.read_text() == fork
    assert WitnessFiles(folder).seen(NAME).root != bytes(range(32))  # type: ignore[union-attr]


def test_strangers_are_refused(room: Room, witness: Witness) -> None:
    room.grow(3)
    other = Checkpoint("other.example/log", 3, bytes(32)).signed(LOG_KEY.signer())
    assert ask(witness, 0, [], other).status == 404
    forged = Checkpoint(NAME, 3, bytes(32)).signed(LogKey(NAME, seed("x")).signer())
    assert ask(witness, 0, [], forged).status == 403
    assert ask(witness, 0, [bytes(32)], room.log.note).status == 422


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", b"old 0\n", b"old -1\n\nx", b"old 01\n\nx", b"old 0\n!!\n\nx",
        b"old 0\nAAAA\n\nx", b"old 0\n\nno note\n", b"old 0\n" + b"A" * 44 + b"\n\nx",
        b"old 0\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\nx\n\n",
    ],
)  # fmt: skip
def test_hostile_requests_are_refused(witness: Witness, body: bytes) -> None:
    assert witness.add_checkpoint(body).status == 400


@pytest.fixture
def served(witness: Witness) -> Iterator[str]:
    bound = server(("127.0.0.1", 0), witness, SIGNER.verifier)
    thread = threading.Thread(target=bound.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{bound.server_port}"
    bound.shutdown()
    thread.join()
    bound.server_close()


def submission(room: Room, url: str, key: Any = SIGNER.verifier) -> Submission:
    metrics = EvidenceMetrics(Metrics())
    client = WitnessClient(url, key)
    return Submission(room.log, room.checkpoints, room.writer, client, metrics)


def test_checkpoints_are_cosigned_over_a_socket(
    room: Room, served: str, tmp_path: Path, capsys: Any
) -> None:
    sent = submission(room, served)
    room.grow(10)
    assert sent.submit_latest() and sent.submit_latest()
    room.grow(300)
    assert sent.submit_latest()
    room.grow(5)
    assert submission(room, served).submit_latest()  # after a restart it asks for the size
    trust = room.trust(f"witness w {SIGNER.verifier.text}", "quorum w")
    code, found = verdict(capsys, room.export(tmp_path / "export"), "--trust", trust)
    assert (code, found["cosigned_checkpoints"]) == (0, 3), found


def test_a_witness_of_another_key_counts_for_nothing(room: Room, served: str) -> None:
    room.grow(4)
    other = LogKey("witness.example", seed("another"), WITNESS_KEY.kind).signer().verifier
    assert not submission(room, served, other).submit_latest()
    assert "witness.example" not in room.checkpoints.last(NAME).note  # type: ignore[union-attr]


def test_an_absent_witness_stops_nothing(room: Room) -> None:
    room.grow(4)
    sent = submission(room, "http://127.0.0.1:9")
    assert not sent.submit_latest()
    room.grow(4)
    assert room.log.latest is not None and room.log.latest.size == 8
