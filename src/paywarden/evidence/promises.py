"""Promises: the log's signature that a decision stands in a place, one for all of one commit.

    leaf       paywarden promise v1 \n log \n index \n decision \n at_us \n
    signed     paywarden promises v1 \n log \n size \n root (base 64) \n

Guards: the promises of one commit are the leaves of a tree (RFC 9162 section 2.1), the log's key
signs its root, and each promise carries its own path: alone it binds one decision's hash to one
place, and if another record stands there, promise and export together prove it. Both texts begin
with words that no checkpoint begins with (an origin has no blanks). Promises are signed in the
writer's thread after the commit, so an event loop never waits for a signature, and not at all while
the log is not signed. Not done here: wire form (`decision.receipts`), checking (`verify`).
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from itertools import groupby

from paywarden.evidence.log import SignedLog
from paywarden.evidence.note import SigningKey
from paywarden.evidence.tree import leaf_hash, node_hash
from paywarden.kit.audit_place import Place, Promised, Wish

LEAF = "paywarden promise v1"
SIGNED = "paywarden promises v1"


def promises_of(log: SignedLog, wished: Sequence[tuple[int, Wish]]) -> list[Promised]:
    """Promises for (index, wish) in ascending order, one signature for each name of the log."""
    made: list[Promised] = []
    for _, group in groupby(wished, lambda one: log.origin_at(one[0])):
        given = list(group)
        made += _signed(log.signer_at(given[0][0]), given)
    return made


class Promises:
    """The promiser of a log (`kit.audit_place.Promiser`)."""

    def __init__(self, log: SignedLog) -> None:
        self._log = log

    def __call__(self, places: Sequence[Place]) -> None:
        """Promise what `places` wish for; nothing while the log is not signed."""
        if not self._log.signing:
            return
        wished = [(place.index, place.wish) for place in places if place.wish is not None]
        for place, promised in zip(places, promises_of(self._log, wished), strict=True):
            place.promised = promised


def _signed(signer: SigningKey, wished: Sequence[tuple[int, Wish]]) -> list[Promised]:
    name, size = signer.verifier.name, len(wished)
    levels = _levels([
        leaf_hash(f"{LEAF}\n{name}\n{index}\n{wish.decision}\n{wish.at_us}\n".encode())
        for index, wish in wished
    ])  # fmt: skip
    texts = [[base64.b64encode(node).decode() for node in level] for level in levels]
    text = f"{SIGNED}\n{name}\n{size}\n{texts[-1][0]}\n"
    signature = base64.b64encode(signer.hint + signer.sign(text.encode())).decode()
    return [Promised(name, size, at, _path(texts, at), signature) for at in range(size)]


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    """Nodes of the tree from the leaves to its root; a node without a pair moves up as it is."""
    levels = [leaves]
    while len(level := levels[-1]) > 1:
        above = [node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        levels.append(above + level[2 * len(above) :])
    return levels


def _path(levels: Sequence[Sequence[str]], at: int) -> list[str]:
    """Siblings of the leaf `at` on its way to the root."""
    path = []
    for level in levels[:-1]:
        if at ^ 1 < len(level):
            path.append(level[at ^ 1])
        at >>= 1
    return path
