"""The client's own check of promises and receipts, against what the log really makes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from decision_room import Room
from test_receipts import answer_of, sign

from paywarden.client import Decision, LogKeys, Promise, Receipt, ReceiptRefused
from paywarden.evidence.promises import promises_of
from paywarden.kit.audit_place import Wish


def pinned(room: Room) -> LogKeys:
    return LogKeys("".join(f"log {k.text}\n" for k in room.installation.evidence.log.verifiers()))


async def logged(room: Room, others: int = 4) -> tuple[Receipt, LogKeys, Decision]:
    decided = await room.decide(amount_minor=700_000)
    for number in range(others):
        await room.decide(amount_minor=100 + number)
    sign(room)
    made = msgspec.to_builtins(room.installation.receipts.receipt(decided))
    answer = msgspec.convert(answer_of(room, decided), Decision)
    return msgspec.convert(made, Receipt), pinned(room), answer


async def test_a_kept_promise_is_believed(room: Room) -> None:
    receipt, keys, answer = await logged(room)
    assert answer.receipt == receipt.promise
    keys.check_promise(answer.receipt)
    keys.check_receipt(receipt)
    assert len(receipt.proof) >= 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"promise": {"index": 0}}, "promise_forged"),
        ({"promise": {"decision": "A" * 43 + "="}}, "promise_forged"),
        ({"promise": {"at_us": 1}}, "promise_forged"),
        ({"promise": {"batch_size": 2}}, "promise_forged"),
        ({"promise": {"batch_index": 1}}, "promise_forged"),
        ({"promise": {"batch_path": ("A" * 43 + "=",)}}, "promise_forged"),
        ({"promise": {"log": "somebody/else"}}, "log_unknown"),
        ({"promise": {"signature": "!"}}, "receipt_malformed"),
        ({"leaf": '{"index":0,"detail":{}}'}, "not_included"),
        ({"proof": ()}, "not_included"),
        ({"checkpoint": "x\n1\ny\n\nz\n"}, "receipt_malformed"),
    ],
)
async def test_what_was_changed_is_refused(room: Room, change: dict[str, Any], code: str) -> None:
    receipt, keys, _ = await logged(room)
    fields = {
        name: msgspec.structs.replace(receipt.promise, **value) if name == "promise" else value
        for name, value in change.items()
    }
    with pytest.raises(ReceiptRefused) as refused:
        keys.check_receipt(msgspec.structs.replace(receipt, **fields))
    assert refused.value.code == code


async def test_a_checkpoint_that_the_log_did_not_sign_is_refused(room: Room) -> None:
    receipt, keys, _ = await logged(room)
    size = receipt.checkpoint.split("\n")[1]
    forged = receipt.checkpoint.replace(f"\n{size}\n", f"\n{int(size) + 1}\n", 1)
    with pytest.raises(ReceiptRefused) as refused:
        keys.check_receipt(msgspec.structs.replace(receipt, checkpoint=forged))
    assert refused.value.code == "checkpoint_forged"


async def test_another_record_in_the_promised_place_breaks_the_promise(room: Room) -> None:
    """The log signs a promise and then shows a true record that is another one."""
    receipt, keys, _ = await logged(room)
    log = room.installation.evidence.log
    index = receipt.promise.index
    other = "B" * 43 + "="
    made = promises_of(log, [(index, Wish(other, 7))])[0]
    promise = Promise(made.log, index, other, 7, 1, 0, (), made.signature)
    keys.check_promise(promise)
    with pytest.raises(ReceiptRefused) as refused:
        keys.check_receipt(msgspec.structs.replace(receipt, promise=promise))
    assert refused.value.code == "promise_broken"


async def test_keys_are_checked_and_never_taken_from_the_answer(room: Room) -> None:
    receipt, _, _ = await logged(room, 0)
    with pytest.raises(ReceiptRefused, match="log_unknown"):
        LogKeys("").check_receipt(receipt)
    with pytest.raises(ReceiptRefused, match="key_invalid"):
        LogKeys("log name+00000000+AAAA\n")
    with pytest.raises(ReceiptRefused, match="receipt_missing"):
        LogKeys("").check_promise(None)
