"""The lists of a log as they stood at each payment.

Guards: an edit counts from its sequence on, an entry until its expiry; nothing later is known. The
lists of a draft that the log has never seen come from its files and hold from the first payment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import msgspec
import numpy as np
import numpy.typing as npt

from paywarden.core.scope import Scope
from paywarden.risk.lists.model import EditAction, ListEdit, ListKind
from paywarden.risk.lists.reading import parse_list
from paywarden.risk.lists.store import Digest, Lists
from paywarden.risk.lists.view import ListsView


class ListEdits:
    """Edits of one scope in log order."""

    def __init__(self, scope: Scope, digest: Digest) -> None:
        self.scope = scope
        self.digest = digest
        self.edits: list[tuple[int, ListEdit]] = []
        self._hashes: dict[str, Any] = {}

    def add(self, seq: int, body: bytes) -> None:
        """One entry of the log."""
        edit = msgspec.msgpack.decode(body, type=ListEdit)
        self.edits.append((seq, edit))
        hasher = self._hashes.setdefault(edit.name, hashlib.blake2b(digest_size=16))
        hasher.update(seq.to_bytes(8, "big") + body)

    def content(self, name: str) -> str | None:
        """Names the history of a list; None for a list that the log has never seen."""
        hasher = self._hashes.get(name)
        return None if hasher is None else str(hasher.hexdigest())


class LogTimeline:
    """Members of lists for one policy over a log's payments."""

    def __init__(
        self,
        edits: ListEdits,
        kinds: Mapping[str, str],
        files: Mapping[str, bytes],
        sequences: npt.NDArray[np.int64],
        time_us: npt.NDArray[np.int64],
    ) -> None:
        """`kinds`, `files`: of the policy's lists, by name."""
        self._edits = edits
        self._sequences = sequences
        self._time_us = time_us
        self._own = self._drafted(kinds, files)
        self._own_digests = {
            name: hashlib.blake2b(files[name], digest_size=16).hexdigest()
            for name in files
            if edits.content(name) is None
        }
        self.cuts: Sequence[int] = self._cuts()
        self._restart()

    @property
    def names(self) -> Collection[str]:
        """Lists of the log and of the draft."""
        return {edit.name for _, edit in self._edits.edits} | set(self._own_digests)

    def at(self, position: int) -> Mapping[str, Any]:
        """Members for payments from `position` to the next cut."""
        seq = int(self._sequences[position])
        if self._applied and self._edits.edits[self._applied - 1][0] > seq:
            self._restart()
        edits = self._edits.edits
        while self._applied < len(edits) and edits[self._applied][0] < seq:
            at, edit = edits[self._applied]
            self._lists.apply(edit, len(self._own) + at)
            self._applied += 1
        # The view answers `get`, which is all that conditions ask of lists.
        return cast(Mapping[str, Any], self._view.at(int(self._time_us[position])))

    def digest(self, name: str) -> str:
        """Names the whole history of one list."""
        return self._edits.content(name) or self._own_digests.get(name, "")

    def _restart(self) -> None:
        self._lists = Lists(self._edits.digest)
        for seq, edit in enumerate(self._own, 1):
            self._lists.apply(edit, seq)
        self._view = ListsView(self._lists, self._edits.scope)
        self._applied = 0

    def _drafted(self, kinds: Mapping[str, str], files: Mapping[str, bytes]) -> list[ListEdit]:
        lists = Lists(self._edits.digest)
        found = []
        for name, word in sorted(kinds.items()):
            if self._edits.content(name) is not None or name not in files:
                continue
            kind = ListKind(word)
            given = parse_list(name, files[name], kind).entries
            edit = ListEdit(
                self._edits.scope, name, kind, EditAction.ADD, given, "", "draft", 0
            )  # fmt: skip
            found.append(lists.seal(edit))
        return found

    def _cuts(self) -> list[int]:
        """Positions at which an edit or an expiry changes what a list holds."""
        every = [edit for _, edit in self._edits.edits] + self._own
        ends = {
            entry.expires_at_us
            for edit in every
            for entry in edit.entries
            if entry.expires_at_us is not None
        }
        found = set(np.searchsorted(self._time_us, sorted(ends)).tolist())
        seqs = [seq for seq, _ in self._edits.edits]
        found |= set(np.searchsorted(self._sequences, seqs, side="right").tolist())
        return sorted(found - {0, len(self._sequences)})
