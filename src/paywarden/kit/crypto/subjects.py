"""Encryption under one key per data subject, so that erasing a person is destroying one key.

Guards: AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces; additional data binds format,
environment, tenant, subject, key and the caller's context, length-prefixed, so that a ciphertext
moved to another tenant, person or field does not open. The subject's key is wrapped by a key that
is derived from the master, and bound in the same way. Layout of a sealed datum: version 1 octet,
key id 8, nonce 12, ciphertext and tag.

Bound: at most 2^32 messages per subject's key (SP 800-38D section 8.3, collision odds 2^-32); a
subject with 100 events a second would need 1.3 years of them. It is stated, not counted.

Order with the writer: `seal` for an unknown subject makes a key in memory at once; the writer calls
`before` ahead of each commit, which stores such keys first. Unwrapped keys live in a bounded
least-recently-used cache. Erasing through another process is not seen by this cache: one process
owns the key file (the stores hold a lock), erase through it.
"""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections import OrderedDict
from itertools import islice
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from paywarden.core.clock import Randomness
from paywarden.core.errors import Corrupt
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.kit.crypto.derive import Purpose, derive
from paywarden.kit.crypto.digest import DIGEST_OCTETS, KeyedDigest
from paywarden.kit.crypto.framing import framed
from paywarden.kit.crypto.ports import Erased, WrappedKey, WrappedKeys

CACHE_LIMIT: Final = 250_000
"""Keys at hand, some 0.4 kB each."""
_VERSION: Final = b"\x01"
_KEY_ID_OCTETS: Final = 8
_NONCE_OCTETS: Final = 12
_TAG_OCTETS: Final = 16
_HEAD_OCTETS: Final = 1 + _KEY_ID_OCTETS + _NONCE_OCTETS
_KEY_OCTETS: Final = 32
_DATA: Final = b"paywarden.subject-data.v1"
_WRAP: Final = b"paywarden.subject-key.v1"
_Name = tuple[Scope, str]


_Opened = bytes
"""An unwrapped key as the cache holds it: subject's digest and key's id (framed), the key.

A prepared cipher would save a microsecond a use and takes 2.5 kB; in its place stand many more
keys, and a key that is not at hand costs a read of the key database."""
_NAMED: Final = slice(0, 4 + DIGEST_OCTETS + 4 + _KEY_ID_OCTETS)
_KEY_ID: Final = slice(_NAMED.stop - _KEY_ID_OCTETS, _NAMED.stop)
_KEY: Final = slice(_NAMED.stop, None)


class SubjectKeyRing:
    """`SubjectKeys` and `ErasableKeys` over a store of wrapped keys; also a `Participant`."""

    def __init__(
        self,
        master: Secret[bytes],
        store: WrappedKeys,
        randomness: Randomness,
        *,
        cache_limit: int = CACHE_LIMIT,
    ) -> None:
        self._names = KeyedDigest(derive(master, Purpose.SUBJECT_NAMES))
        self._wrapping = AESGCM(derive(master, Purpose.SUBJECT_WRAPPING).expose())
        self._store = store
        self._octets = randomness.octets
        self._cache: OrderedDict[_Name, _Opened] = OrderedDict()
        self._cache_limit = cache_limit
        self._pending: dict[_Name, WrappedKey] = {}
        self._changing = threading.Lock()
        self._storing = threading.Lock()

    def seal(self, scope: Scope, subject: str, plaintext: bytes, context: bytes) -> bytes:
        """Ciphertext (37 octets longer) bound to scope, subject and `context`.

        A subject not seen before (or erased) gets a fresh key, stored before the next commit.
        """
        name = (scope, subject)
        opened = self._at_hand(name) or self._find_or_make(name)
        key_id, nonce = opened[_KEY_ID], self._octets(_NONCE_OCTETS)
        bound = _place(_DATA, scope) + opened[_NAMED] + context
        return _VERSION + key_id + nonce + AESGCM(opened[_KEY]).encrypt(nonce, plaintext, bound)

    def open(self, scope: Scope, subject: str, sealed: bytes, context: bytes) -> bytes | Erased:
        """The plaintext, or `Erased` when its key was destroyed.

        Errors: Corrupt `sealed_damaged` (altered, or not of this scope, subject and context),
        `subject_key_missing` (the key file is older than the datum: restore it).
        """
        if len(sealed) < _HEAD_OCTETS + _TAG_OCTETS or sealed[:1] != _VERSION:
            raise Corrupt("sealed_damaged", "not a sealed datum of this version")
        key_id = sealed[1 : 1 + _KEY_ID_OCTETS]
        opened = self._find((scope, subject))
        if opened is None or opened[_KEY_ID] != key_id:
            return self._erased(key_id)
        nonce = sealed[1 + _KEY_ID_OCTETS : _HEAD_OCTETS]
        bound = _place(_DATA, scope) + opened[_NAMED] + context
        try:
            return AESGCM(opened[_KEY]).decrypt(nonce, sealed[_HEAD_OCTETS:], bound)
        except InvalidTag as fault:
            raise Corrupt("sealed_damaged", "a sealed datum fails its check") from fault

    def key_of(self, scope: Scope, subject: str) -> bytes | None:
        """Id of the subject's present key, stored or about to be; None when there is none."""
        digest = self._subject_digest(scope, subject)
        with self._changing:
            waiting = self._pending.get((scope, subject))
            stored = waiting or self._store.find(scope.text, digest)
        return None if stored is None else stored.key_id

    def erase(self, scope: Scope, subject: str, key_id: bytes, at_us: int) -> bool:
        """Destroy this key of the subject, durable on return; False when it was gone already."""
        name = (scope, subject)
        digest = self._subject_digest(scope, subject)
        with self._storing, self._changing:
            waiting = self._pending.get(name)
            new = waiting is not None and waiting.key_id == key_id
            if new:
                del self._pending[name]
            opened = self._cache.get(name)
            if opened is not None and opened[_KEY_ID] == key_id:
                self._cache.pop(name, None)
            return self._store.erase(scope.text, digest, key_id, at_us) or new

    def erased_at_us(self, key_id: bytes) -> int | None:
        """When the key `key_id` was erased; None when the key database knows of none."""
        return self._store.erased_at_us(key_id)

    def reset(self, connection: sqlite3.Connection) -> None:
        """Reopen the key store (start and recovery); keys not yet stored are kept."""
        self._store.reopen()

    def before(self) -> None:
        """Make new keys durable ahead of the batch that may use them."""
        if not self._pending:
            return
        with self._storing:
            with self._changing:
                waiting = dict(self._pending)
            self._store.add(list(waiting.values()))
            with self._changing:
                for name in waiting:
                    self._pending.pop(name, None)
                self._trim()

    def committed(self) -> None:
        """Nothing follows."""

    def rolled_back(self) -> None:
        """Keys already stored stay: they harm nobody."""

    def _at_hand(self, name: _Name) -> _Opened | None:
        opened = self._cache.get(name)
        if opened is not None:
            try:
                self._cache.move_to_end(name)
            except KeyError:
                return None  # erased by another thread in between
        return opened

    def _find(self, name: _Name) -> _Opened | None:
        opened = self._at_hand(name)
        if opened is not None:
            return opened
        with self._changing:
            return self._cache.get(name) or self._load(name, self._subject_digest(*name))

    def _find_or_make(self, name: _Name) -> _Opened:
        """One look into the store also for a subject that is new."""
        with self._changing:
            opened = self._cache.get(name)
            if opened is not None:
                return opened
            digest = self._subject_digest(*name)
            return self._load(name, digest) or self._make(name, digest)

    def _load(self, name: _Name, digest: bytes) -> _Opened | None:
        scope = name[0]
        stored = self._store.find(scope.text, digest)
        if stored is None:
            return None
        nonce, wrapped = stored.wrapped[:_NONCE_OCTETS], stored.wrapped[_NONCE_OCTETS:]
        bound = _place(_WRAP, scope) + framed(digest, stored.key_id)
        try:
            key = self._wrapping.decrypt(nonce, wrapped, bound)
        except InvalidTag as fault:
            raise Corrupt(
                "subject_key_damaged", "a subject's key does not unwrap under this master key"
            ) from fault
        return self._remember(name, framed(digest, stored.key_id) + key)

    def _make(self, name: _Name, digest: bytes) -> _Opened:
        scope = name[0]
        key_id, key = self._octets(_KEY_ID_OCTETS), self._octets(_KEY_OCTETS)
        nonce, named = self._octets(_NONCE_OCTETS), framed(digest, key_id)
        wrapped = nonce + self._wrapping.encrypt(nonce, key, _place(_WRAP, scope) + named)
        self._pending[name] = WrappedKey(scope.text, digest, key_id, wrapped)
        return self._remember(name, named + key)

    def _remember(self, name: _Name, opened: _Opened) -> _Opened:
        self._cache[name] = opened
        self._trim()
        return opened

    def _trim(self) -> None:
        """Drop the least recently used keys that are stored; those not yet stored must stay."""
        surplus = len(self._cache) - self._cache_limit
        if surplus <= 0:
            return
        oldest = list(islice(self._cache, surplus * 2))
        for name in [one for one in oldest if one not in self._pending][:surplus]:
            del self._cache[name]

    def _erased(self, key_id: bytes) -> Erased:
        at_us = self._store.erased_at_us(key_id)
        if at_us is None:
            raise Corrupt(
                "subject_key_missing",
                "the key of a sealed datum is neither stored nor erased; restore the key database",
            )
        return Erased(at_us)

    def _subject_digest(self, scope: Scope, subject: str) -> bytes:
        return self._names.of(scope, subject.encode())


@functools.lru_cache(maxsize=4_096)
def _place(schema: bytes, scope: Scope) -> bytes:
    """The start of the additional data, which is the same for every subject of a scope."""
    return framed(schema, scope.environment.value.encode(), scope.tenant.encode())
