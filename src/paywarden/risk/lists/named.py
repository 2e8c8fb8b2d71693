"""One list in memory: membership at an instant, version, content digest.

Guards: membership is one dictionary look-up and depends on nothing but content and the instant
asked about: an entry is a member while t < expires_at. The digest depends on content alone (keys,
reasons, expiries), not on the order of edits; it is kept in hash buckets so that one edit of a
million-entry list costs one bucket. Not done here: who may edit, canonical forms of other kinds.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from paywarden.core.money import INT64_MAX
from paywarden.reference.canonical import parse_ip
from paywarden.risk.lists.model import Entry, ListKind, NewEntry, canonical_value, network_key

_BUCKETS: Final = 1_024
_BIN_LENGTHS: Final = (8, 7, 6)

Shape = tuple[tuple[int, int], ...]
"""The kinds of network that a list holds, (version, prefix length), longest prefixes first."""
SealValue = Callable[[ListKind, str], str]
"""Key under which a canonical value is stored: itself, or its keyed digest."""


class NamedList:
    """Entries by key. Only `Lists.apply` changes it."""

    __slots__ = (
        "_buckets",
        "_dirty",
        "_entries",
        "_lengths",
        "_root",
        "_seal",
        "_shape",
        "_until",
        "kind",
        "name",
        "version",
    )

    def __init__(self, name: str, kind: ListKind, seal: SealValue) -> None:
        self.name = name
        self.kind = kind
        self.version = 0
        self._seal = seal
        self._entries: dict[str, Entry] = {}
        self._until: dict[str, int] = {}
        self._lengths: dict[tuple[int, int], int] = {}
        self._shape: Shape = ()
        self._buckets: dict[int, set[str]] = {}
        self._dirty: set[int] = set()
        self._root: dict[int, bytes] = {}

    def __len__(self) -> int:
        """Entries held, expired ones included."""
        return len(self._entries)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """All entries by key, expired ones included; do not change it."""
        return self._entries

    @property
    def until(self) -> Mapping[str, int]:
        """When each sealed key ceases to be a member, in microseconds; do not change it."""
        return self._until

    @property
    def shape(self) -> Shape:
        """What the keys of an address depend on, beside the address."""
        return self._shape

    def holds(self, key: str, t_us: int) -> bool:
        """Whether a sealed key is a member at `t_us`: one dictionary look-up."""
        return self._until.get(key, t_us) > t_us

    def contains(self, value: object, t_us: int) -> bool:
        """Whether a given value, in any spelling, is a member at `t_us`; strange values are not."""
        return self.find(value, t_us) is not None

    def find(self, value: object, t_us: int) -> Entry | None:
        """The entry that makes `value` a member at `t_us`; for networks the most specific one."""
        for key in self.keys_of(value):
            if self.holds(key, t_us):
                return self._entries[key]
        return None

    def keys_of(self, value: object) -> Iterable[str]:
        """Keys under which a given value may stand: canonical, sealed where personal."""
        if self.kind is ListKind.IP:
            return self._network_keys(value)
        canonical = canonical_value(self.kind, value)
        if canonical is None:
            return ()
        if self.kind is ListKind.BIN:
            return [canonical[:size] for size in _BIN_LENGTHS if size <= len(canonical)]
        return (self._seal(self.kind, canonical),)

    def _network_keys(self, value: object) -> Iterable[str]:
        parsed = parse_ip(value)
        if parsed is None:
            return ()
        version, number = parsed
        width = 32 if version == 4 else 128
        return [
            network_key(version, number >> (width - length) << (width - length), length)
            for family, length in self._shape
            if family == version
        ]

    def digest(self) -> str:
        """SHA-256 (hex) of the content; equal content gives equal digests."""
        for bucket in self._dirty:
            keys = self._buckets.get(bucket)
            if keys:
                self._root[bucket] = self._bucket_digest(keys)
            else:
                self._root.pop(bucket, None)
        self._dirty.clear()
        root = hashlib.sha256(f"{self.kind.value}\n".encode())
        for bucket in sorted(self._root):
            root.update(bucket.to_bytes(2, "big") + self._root[bucket])
        return root.hexdigest()

    def _bucket_digest(self, keys: Iterable[str]) -> bytes:
        lines = hashlib.sha256()
        for key in sorted(keys):
            entry = self._entries[key]
            line = json.dumps([key, entry.reason, entry.expires_at_us])
            lines.update(line.encode() + b"\n")
        return lines.digest()

    def facts(self) -> dict[str, str | int]:
        """Name, kind, version, number of entries and digest, for a decision's record."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "version": self.version,
            "entries": len(self._entries),
            "digest": self.digest(),
        }

    def put(self, new: NewEntry, added_at_us: int, added_by: str) -> None:
        """Store one sealed entry; for `Lists.apply`."""
        key = new.value
        if key not in self._entries:
            self._count_length(key, 1)
            self._buckets.setdefault(_bucket(key), set()).add(key)
        self._dirty.add(_bucket(key))
        self._entries[key] = Entry(new.reason, new.expires_at_us, added_at_us, added_by)
        self._until[key] = INT64_MAX if new.expires_at_us is None else new.expires_at_us

    def remove(self, key: str) -> None:
        """Take one sealed key out, if there; for `Lists.apply`."""
        if self._entries.pop(key, None) is None:
            return
        del self._until[key]
        self._count_length(key, -1)
        self._buckets[_bucket(key)].discard(key)
        self._dirty.add(_bucket(key))

    def clear(self) -> None:
        """Take everything out; for `Lists.apply`."""
        self._dirty.update(self._buckets)
        for held in (self._entries, self._until, self._lengths, self._buckets):
            held.clear()
        self._shape = ()

    def expired(self, t_us: int) -> list[str]:
        """Keys that are no longer members at `t_us`."""
        return [key for key, until in self._until.items() if until <= t_us]

    def _count_length(self, key: str, step: int) -> None:
        if self.kind is not ListKind.IP:
            return
        version, length, _value = key.split("/")
        pair = (int(version), int(length))
        count = self._lengths.get(pair, 0) + step
        if not count:
            del self._lengths[pair]
        elif pair in self._lengths:
            self._lengths[pair] = count
        else:
            # Longest prefixes first, so that the most specific entry answers.
            self._lengths = dict(sorted({**self._lengths, pair: count}.items(), reverse=True))
        self._shape = tuple(self._lengths)


def _bucket(key: str) -> int:
    return zlib.crc32(key.encode()) % _BUCKETS
