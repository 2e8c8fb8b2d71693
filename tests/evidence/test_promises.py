"""Batches of promises: each path leads to the signed root, by the slow definition of the tree."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any, cast

import pytest

from paywarden.core.secret import Secret
from paywarden.evidence import verify as untyped_verify
from paywarden.evidence.log import SignedLog
from paywarden.evidence.note import SigningKey
from paywarden.evidence.promises import Promises, promises_of
from paywarden.evidence.tree import leaf_hash, node_hash
from paywarden.kit.audit_place import Place, Promised, Wish

verify: Any = untyped_verify  # the stand-alone verifier is plain Python without types
SEED = Secret(bytes(range(32)))


def log(split: int = 10**9, *, signing: bool = True) -> SignedLog:
    """A log whose leaves from `split` on are appended under a second name."""

    def origin_at(index: int) -> str:
        return "a/log" if index < split else "a/log/2"

    made = SimpleNamespace(
        signing=signing,
        origin_at=origin_at,
        signer_at=lambda index: SigningKey(origin_at(index), SEED),
    )
    return cast(SignedLog, made)


def wishes(count: int) -> list[tuple[int, Wish]]:
    return [
        (5 + n, Wish(base64.b64encode(bytes([n] * 32)).decode(), 1_000 + n)) for n in range(count)
    ]


def document(wished: tuple[int, Wish], made: Promised) -> dict[str, Any]:
    index, wish = wished
    return {
        "log": made.log, "index": index, "decision": wish.decision, "at_us": wish.at_us,
        "batch_size": made.size, "batch_index": made.position, "batch_path": made.path,
        "signature": made.signature,
    }  # fmt: skip


def pinned() -> Any:
    texts = [SigningKey(name, SEED).verifier.text for name in ("a/log", "a/log/2")]
    keys = [verify.Key(text) for text in texts]
    return SimpleNamespace(logs={key.name: key for key in keys})


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 8, 11, 64, 255])
def test_every_promise_of_a_batch_verifies_alone(size: int) -> None:
    wished = wishes(size)
    made = promises_of(log(), wished)
    assert len({one.signature for one in made}) == 1
    leaves = [
        leaf_hash(f"paywarden promise v1\na/log\n{index}\n{wish.decision}\n{wish.at_us}\n".encode())
        for index, wish in wished
    ]

    root = base64.b64encode(_root(leaves)).decode()
    signer = SigningKey("a/log", SEED)
    text = f"paywarden promises v1\na/log\n{size}\n{root}\n".encode()
    octets = base64.b64decode(made[0].signature)
    assert octets[:4] == signer.verifier.hint and signer.verifier.verifies(octets[4:], text)
    for one, promised in list(zip(wished, made, strict=True))[:: max(1, size // 7)]:
        verify.check_promise(document(one, promised), pinned())
        assert len(promised.path) <= (size - 1).bit_length()


def _root(leaves: list[bytes]) -> bytes:
    """2.1.1 word for word."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(_root(leaves[:k]), _root(leaves[k:]))


def test_a_batch_across_a_change_of_name_is_signed_under_both() -> None:
    wished = wishes(5)
    made = promises_of(log(split=8), wished)
    assert [(one.log, one.size, one.position) for one in made] == [
        ("a/log", 3, 0), ("a/log", 3, 1), ("a/log", 3, 2), ("a/log/2", 2, 0), ("a/log/2", 2, 1),
    ]  # fmt: skip
    for one, promised in zip(wished, made, strict=True):
        verify.check_promise(document(one, promised), pinned())


@pytest.mark.parametrize(
    "change",
    [
        {"index": 6}, {"decision": "B" * 43 + "="}, {"at_us": 1}, {"batch_size": 7},
        {"batch_index": 3}, {"batch_index": -1}, {"batch_size": True}, {"batch_path": []},
        {"log": "a/log/2"},
    ],
)  # fmt: skip
def test_a_changed_promise_is_refused(change: dict[str, Any]) -> None:
    wished = wishes(6)
    made = promises_of(log(), wished)
    given = {**document(wished[2], made[2]), **change}
    with pytest.raises(verify.Fault) as fault:
        verify.check_promise(given, pinned())
    assert fault.value.code == "signature_wrong"


def test_a_log_that_is_not_signed_promises_nothing() -> None:
    place = Place(Wish("A" * 43 + "=", 1))
    place.settle(4)
    Promises(log(signing=False))([place])
    assert place.promised is None
    Promises(log())([place])
    assert place.promised is not None and place.promised.size == 1
