"""Promises and receipts, checked without asking the server: was this decision really logged?

Guards: keys come from the caller, never from the answer; a promise binds the log's name, a place
and the decision's hash, as a leaf of the tree over one commit's promises whose root the log signed;
a receipt shows with an inclusion proof that the record at that place binds this decision, under a
root that the log signed. Not done here: whole exports and witnesses (`verify.py` of an export).
Source: RFC 9162 section 2.1.3.2, C2SP signed-note.

    keys = LogKeys(Path("pinned.txt").read_text())   # made by `paywarden audit trust`
    keys.check_promise(decision.receipt)
    keys.check_receipt(client.get_receipt(decision.id))
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from paywarden.client.errors import ReceiptRefused

_ED25519 = 1
_DASH = "\u2014"


class Promise(msgspec.Struct, frozen=True):
    """What an answer promises: `decision` (a hash) stands at `index` of `log`. `at_us`: when.

    `signature` covers the root of a tree of `batch_size` promises; this one stands at
    `batch_index`, and `batch_path` leads from it to the root.
    """

    log: str
    index: int
    decision: str
    at_us: int
    batch_size: int
    batch_index: int
    batch_path: tuple[str, ...]
    signature: str


class Receipt(msgspec.Struct, frozen=True):
    """The promise kept: the record at its place, the path to a root, and the signed root."""

    promise: Promise
    leaf: str
    proof: tuple[str, ...]
    checkpoint: str


class _Leaf(msgspec.Struct):
    index: int
    detail: dict[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class _Key:
    hint: bytes
    public: Ed25519PublicKey

    def made(self, signature: str, signed: str) -> bool:
        octets = _octets(signature)
        try:
            self.public.verify(octets[4:], signed.encode())
        except InvalidSignature:
            return False
        return octets[:4] == self.hint


class LogKeys:
    """Pinned keys of logs, from the text that `paywarden audit trust` prints."""

    def __init__(self, text: str) -> None:
        lines = [line.split("#")[0].split() for line in text.splitlines()]
        self._keys = dict(_key(words[1]) for words in lines if words[:1] == ["log"])

    def check_promise(self, promise: Promise | None) -> None:
        """Pass when the pinned key made the promise. Errors: ReceiptRefused with a code."""
        if promise is None:
            raise ReceiptRefused("receipt_missing", "the answer carries no promise")
        leaf = _lines("paywarden promise v1", promise.log, promise.index, promise.decision,
                      promise.at_us)  # fmt: skip
        size, path = promise.batch_size, [*map(_octets, promise.batch_path)]
        hashed = hashlib.sha256(b"\0" + leaf.encode()).digest()
        root = _root_from(hashed, promise.batch_index, size, path)
        signed = _lines("paywarden promises v1", promise.log, size, _text(root or b""))
        if not self._of(promise.log).made(promise.signature, signed) or root is None:
            raise ReceiptRefused("promise_forged", "the pinned key did not make this promise")

    def check_receipt(self, receipt: Receipt) -> None:
        """Pass when the promise was kept under a root that the log signed.

        Errors: ReceiptRefused `promise_forged`, `checkpoint_forged`, `not_included`,
        `promise_broken`, `receipt_malformed`, `log_unknown`.
        """
        promise = receipt.promise
        self.check_promise(promise)
        size, root = self._signed(receipt.checkpoint, promise.log)
        hashed = hashlib.sha256(b"\0" + receipt.leaf.encode()).digest()
        path = [*map(_octets, receipt.proof)]
        if _root_from(hashed, promise.index, size, path) != root:
            raise ReceiptRefused("not_included", "the proof does not lead to the signed root")
        leaf = _leaf(receipt.leaf)
        if leaf.index != promise.index or leaf.detail.get("decision") != promise.decision:
            raise ReceiptRefused("promise_broken", "another record stands in the promised place")

    def _signed(self, note: str, log: str) -> tuple[int, bytes]:
        """(size, root) of a checkpoint that the log signed."""
        text, _, lines = note.rpartition("\n\n")
        parts, text = text.split("\n"), text + "\n"
        if len(parts) < 3 or parts[0] != log or not parts[1].isdecimal():
            raise ReceiptRefused("receipt_malformed", "the checkpoint is not one of this log")
        key = self._of(log)
        words = [line.split(" ") for line in lines.splitlines()]
        own = [one[2] for one in words if len(one) == 3 and one[:2] == [_DASH, log]]
        if not any(key.made(signature, text) for signature in own):
            raise ReceiptRefused("checkpoint_forged", "the pinned key did not sign the checkpoint")
        return int(parts[1]), _octets(parts[2])

    def _of(self, log: str) -> _Key:
        if log not in self._keys:
            raise ReceiptRefused("log_unknown", "no key is pinned for this log")
        return self._keys[log]


def _key(text: str) -> tuple[str, _Key]:
    name, _, rest = text.partition("+")
    hint, _, encoded = rest.partition("+")
    octets = _octets(encoded)
    bound = hashlib.sha256(name.encode() + b"\n" + octets).digest()[:4]
    if len(octets) != 33 or octets[0] != _ED25519 or bound.hex() != hint:
        raise ReceiptRefused("key_invalid", "a pinned key is damaged")
    return name, _Key(bound, Ed25519PublicKey.from_public_bytes(octets[1:]))


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ReceiptRefused("receipt_malformed", "a base-64 text cannot be read") from None


def _leaf(text: str) -> _Leaf:
    try:
        return msgspec.json.decode(text, type=_Leaf)
    except msgspec.DecodeError:
        raise ReceiptRefused("receipt_malformed", "the record cannot be read") from None


def _root_from(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """RFC 9162, 2.1.3.2: the root to which the path leads from `leaf` at `index` of `size`."""
    if not 0 <= index < size:
        return None
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            found = _node(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = _node(found, sibling)
        place, last = place >> 1, last >> 1
    return found if last == 0 else None


def _lines(*words: object) -> str:
    return "".join(f"{word}\n" for word in words)


def _text(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
