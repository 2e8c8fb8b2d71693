"""What is done with keys: wrapping data keys, indexing card numbers, signing card facts.

    key of (scope, month, version) = HKDF-SHA-256(version's key + month's key;
                                     info = framed("pw.kek.1", scope, purpose, month, version))
    wrapped (60 octets)            = nonce 12 + AES-256-GCM(that key, data key 32; AAD =
                                     framed("pw.dek.1", scope, purpose, month, version, context))
    index                          = HMAC-SHA-256(HKDF(version's key; info = framed("pw.index.1",
                                     scope, version)), number)

Guards: a wrapped key opens only for the scope, month, version and record that it was made for; two
tenants share no key; with either of its two parts destroyed a wrapping key cannot be made again.
Random nonces allow 2^32 wrappings per wrapping key (NIST SP 800-38D, 8.3): one a tenant and month.
Pure but for the randomness; which caller may ask for what is `agent`'s.
"""

from __future__ import annotations

import collections
import hmac
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from paywarden.cde.keys.model import KEY_OCTETS, Key, Ring, Status
from paywarden.cde_client.facts import signed_octets
from paywarden.core.clock import Randomness
from paywarden.core.errors import Conflict, InvalidRequest, NotFound
from paywarden.kit.crypto.framing import framed

NONCE_OCTETS: Final = 12
DERIVED_LIMIT: Final = 4_096
_SALT: Final = b"paywarden.cde.v1"
V = TypeVar("V")


class _Derived(Generic[V]):
    """The last few thousand derived keys, ready for use; the oldest go first."""

    def __init__(self) -> None:
        self._held: collections.OrderedDict[tuple[str, ...], V] = collections.OrderedDict()

    def get(self, name: tuple[str, ...], make: Callable[[], V]) -> V:
        held = self._held.get(name)
        if held is None:
            held = self._held[name] = make()
            if len(self._held) > DERIVED_LIMIT:
                self._held.popitem(last=False)
        else:
            self._held.move_to_end(name)
        return held


class KeyUse:
    """Uses the keys of one ring; a changed ring gets a new one: nothing old stays derived."""

    def __init__(self, ring: Ring, randomness: Randomness) -> None:
        self._ring, self._randomness = ring, randomness
        self._wrapping: _Derived[AESGCM] = _Derived()
        self._indexing: _Derived[bytes] = _Derived()
        self._signers = {
            key.name: Ed25519PrivateKey.from_private_bytes(key.material)
            for key in ring.versions("facts")
            if key.opens
        }

    def wrap(self, scope: str, purpose: str, period: str, context: bytes) -> tuple[bytes, bytes]:
        """(a fresh data key, the same wrapped under the active version)."""
        data_key = self._randomness.octets(KEY_OCTETS)
        return data_key, self.wrap_again(scope, purpose, period, context, data_key)

    def wrap_again(
        self, scope: str, purpose: str, period: str, context: bytes, data_key: bytes
    ) -> bytes:
        """A data key wrapped under the active version. Errors: Conflict, NotFound."""
        active = self._ring.active(purpose)
        cipher = self._cipher(scope, purpose, period, active)
        nonce = self._randomness.octets(NONCE_OCTETS)
        aad = _aad(scope, purpose, period, active.version, context)
        return nonce + cipher.encrypt(nonce, data_key, aad)

    def unwrap(
        self, scope: str, purpose: str, period: str, version: int, context: bytes, wrapped: bytes
    ) -> bytes:
        """The data key.

        Errors: InvalidRequest `wrapped_key_invalid`, Conflict `key_destroyed`, NotFound.
        """
        key = self._ring.named(purpose, str(version))
        cipher = self._cipher(scope, purpose, period, key)
        aad = _aad(scope, purpose, period, version, context)
        try:
            return cipher.decrypt(wrapped[:NONCE_OCTETS], wrapped[NONCE_OCTETS:], aad)
        except InvalidTag:
            raise InvalidRequest(
                "wrapped_key_invalid", "not wrapped for this scope, month, version and record"
            ) from None

    def index(self, scope: str, number: bytes) -> list[tuple[int, bytes]]:
        """(version, digest of 32 octets) per living version, newest first."""
        return [
            (key.version, hmac.digest(self._index_key(scope, key), number, "sha256"))
            for key in self._ring.versions("index")
            if key.opens
        ]

    def sign(self, payload: bytes) -> tuple[str, bytes]:
        """(key id, Ed25519 signature) of card facts."""
        active = self._ring.active("facts")
        return facts_key_id(active), self._signers[active.name].sign(signed_octets(payload))

    def facts_keys(self) -> list[tuple[str, bytes, str]]:
        """(key id, public key, state) of the versions that there are, newest first."""
        return [
            (facts_key_id(key), self._signers[key.name].public_key().public_bytes_raw(), key.status)
            for key in self._ring.versions("facts")
            if key.opens
        ]

    def _cipher(self, scope: str, purpose: str, period: str, key: Key) -> AESGCM:
        name = (scope, purpose, period, key.name)
        return self._wrapping.get(name, lambda: AESGCM(self._kek(scope, purpose, period, key)))

    def _kek(self, scope: str, purpose: str, period: str, key: Key) -> bytes:
        month = self._ring.find(purpose, period)
        if month is None:
            raise NotFound("period_unknown", f"no key of {purpose} for {period}")
        for part in (key, month):
            if not part.opens:
                raise Conflict(
                    "key_destroyed" if part.status is Status.DESTROYED else "key_not_active",
                    f"{purpose} {part.name} is {part.status}",
                )
        info = framed(b"pw.kek.1", *_octets(scope, purpose, period, key.name))
        return _derived(key.material + month.material, info)

    def _index_key(self, scope: str, key: Key) -> bytes:
        def make() -> bytes:
            return _derived(key.material, framed(b"pw.index.1", *_octets(scope, key.name)))

        return self._indexing.get((scope, key.name), make)


def facts_key_id(key: Key) -> str:
    """How a facts key is named on paper: `cf` + version + check value, e.g. `cf1-0a1b2c3d4e`."""
    return f"cf{key.name}-{key.check_value}"


def _derived(material: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), length=KEY_OCTETS, salt=_SALT, info=info).derive(material)


def _aad(scope: str, purpose: str, period: str, version: int, context: bytes) -> bytes:
    return framed(b"pw.dek.1", *_octets(scope, purpose, period, str(version)), context)


def _octets(*texts: str) -> list[bytes]:
    return [text.encode() for text in texts]
