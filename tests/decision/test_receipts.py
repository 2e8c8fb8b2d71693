"""Promises in answers, receipts after a checkpoint, and the proof that a promise was broken."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from decision_room import Room

from paywarden.core.errors import NotYet
from paywarden.decision.payments import Decided
from paywarden.evidence import verify as untyped_verify
from paywarden.evidence.export import Export
from paywarden.evidence.log import LogState
from paywarden.evidence.promises import promises_of
from paywarden.kit.audit_place import Place, Wish

verify: Any = untyped_verify  # the stand-alone verifier is plain Python without types


def answer_of(room: Room, decided: Decided) -> dict[str, Any]:
    made = room.installation.views.answer(decided, {})
    found: dict[str, Any] = json.loads(msgspec.json.encode(made))
    return found


def leaf_of(decided: Decided) -> int:
    assert decided.place is not None
    return decided.place.index


def sign(room: Room) -> None:
    log = room.installation.evidence.log
    while log.integrate(1_000):
        pass
    log.checkpoint()


def trust(room: Room, folder: Path) -> Path:
    path = folder / "trust"
    path.write_text(
        "".join(f"log {key.text}\n" for key in room.installation.evidence.log.verifiers())
    )
    return path


def checked(capsys: Any, *words: object) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = verify.main([*map(str, words), "--json", "--processes", "0"])
    return code, json.loads(capsys.readouterr().out)


def put(folder: Path, name: str, document: Any) -> Path:
    path = folder / name
    path.write_bytes(msgspec.json.encode(document))
    return path


async def test_a_receipt_is_verified_offline(room: Room, tmp_path: Path, capsys: Any) -> None:
    decided = await room.decide(amount_minor=700_000)
    receipts, answer = room.installation.receipts, answer_of(room, decided)
    assert answer["receipt"]["index"] == leaf_of(decided)
    assert answer["receipt"]["decision"] == verify.decision_hash(answer)
    with pytest.raises(NotYet) as early:
        receipts.receipt(decided)
    assert (early.value.code, early.value.retry_after_seconds) == ("receipt_pending", 60)
    sign(room)
    receipt = json.loads(msgspec.json.encode(receipts.receipt(decided)))
    pinned = trust(room, tmp_path)
    given = put(tmp_path, "receipt.json", {**receipt, "answer": answer})
    code, found = checked(capsys, "receipt", given, "--trust", pinned)
    assert (code, found["verdict"], found["index"]) == (0, "verified", leaf_of(decided))
    assert checked(capsys, "receipt", given)[0] == 2  # nobody's keys are believed unpinned


@pytest.mark.parametrize(
    "change",
    [
        {"leaf": '{"v":1}'},
        {"proof": []},
        {"promise": {"index": 0}},
        {"promise": {"decision": "A" * 43 + "="}},
        {"promise": {"at_us": 1}},
        {"promise": {"batch_size": 2}},
        {"promise": {"batch_index": 1}},
        {"promise": {"batch_path": ["A" * 43 + "="]}},
        {"answer": {"outcome": "block"}},
        {"answer": {"points": 99}},
    ],
)
async def test_a_changed_receipt_is_refused(
    room: Room, tmp_path: Path, capsys: Any, change: dict[str, Any]
) -> None:
    decided = await room.decide()
    sign(room)
    receipt = json.loads(msgspec.json.encode(room.installation.receipts.receipt(decided)))
    receipt["answer"] = answer_of(room, decided)
    for name, value in change.items():
        receipt[name] = {**receipt[name], **value} if isinstance(value, dict) else value
    given = put(tmp_path, "receipt.json", receipt)
    code, found = checked(capsys, "receipt", given, "--trust", trust(room, tmp_path))
    assert code == 1 and found["verdict"] != "verified"


async def test_a_repeat_promises_the_same(room: Room) -> None:
    payment = room.payment()
    first = await room.decide(payment)
    again = await room.decide(payment)
    assert again.repeated and again.place is None
    assert answer_of(room, again)["receipt"] == answer_of(room, first)["receipt"]


async def test_decisions_of_one_commit_are_promised_under_one_signature(
    room: Room, tmp_path: Path, capsys: Any
) -> None:
    """The writer is held until all are queued, so that they are one commit."""
    entered, held = threading.Event(), threading.Event()
    promiser, signed = room.installation.audit.promiser, []

    def count(places: Sequence[Place]) -> None:
        entered.set()
        held.wait(10)
        signed.append(len(places))
        promiser(places)

    room.installation.audit.promiser = count
    first = asyncio.ensure_future(room.decide())
    while not entered.is_set():
        await asyncio.sleep(0.001)
    others = [asyncio.ensure_future(room.decide(amount_minor=100 + n)) for n in range(6)]
    while room.installation.writer.queued < len(others):
        await asyncio.sleep(0.001)
    held.set()
    decided = await asyncio.gather(first, *others)
    assert signed == [1, 6]
    sign(room)
    pinned, signatures = trust(room, tmp_path), set()
    for one in decided[1:]:
        receipt = json.loads(msgspec.json.encode(room.installation.receipts.receipt(one)))
        promise = receipt["promise"]
        signatures.add(promise["signature"])
        assert (promise["batch_size"], promise["index"]) == (6, leaf_of(one))
        code, _ = checked(capsys, "receipt", put(tmp_path, "one", receipt), "--trust", pinned)
        assert code == 0
        moved = {**receipt, "promise": {**promise, "batch_index": promise["batch_index"] ^ 1}}
        code, found = checked(capsys, "receipt", put(tmp_path, "one", moved), "--trust", pinned)
        assert (code, found["verdict"]) == (1, "signature_wrong")
    assert len(signatures) == 1


async def test_nothing_is_promised_while_the_log_is_not_signed(room: Room) -> None:
    decided = await room.decide()
    room.installation.evidence.log.state = LogState.RESTORED
    assert answer_of(room, decided)["receipt"] is None


async def test_kept_and_broken_promises_are_told_apart(
    room: Room, tmp_path: Path, capsys: Any
) -> None:
    decided = [await room.decide() for _ in range(3)]
    sign(room)
    parts = room.installation.evidence
    export = tmp_path / "export"
    Export(parts.log, parts.audit, parts.checkpoints, parts.tiles).write(export)
    pinned, answer = trust(room, tmp_path), answer_of(room, decided[1])
    kept = put(tmp_path, "kept.json", answer)
    code, found = checked(capsys, "promise", kept, export, "--trust", pinned)
    assert (code, found["verdict"]) == (0, "kept")
    # The log signs a promise and logs something else in that place.
    index = leaf_of(decided[1])
    lie = promises_of(parts.log, [(index, Wish("B" * 43 + "=", 7))])[0]
    broken = dict(
        answer["receipt"], decision="B" * 43 + "=", at_us=7, signature=lie.signature,
        batch_size=1, batch_index=0, batch_path=[],
    )  # fmt: skip
    given = put(tmp_path, "broken.json", broken)
    code, found = checked(capsys, "promise", given, export, "--trust", pinned)
    assert (code, found["verdict"]) == (1, "promise_broken")
    assert found["first_bad_record"] == leaf_of(decided[1])
    # A promise that the log never signed proves nothing.
    put(tmp_path, "broken.json", dict(broken, at_us=1))
    code, found = checked(capsys, "promise", given, export, "--trust", pinned)
    assert (code, found["verdict"]) == (1, "signature_wrong")
