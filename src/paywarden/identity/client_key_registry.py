"""Client keys ready for the verifier: records parsed and opened once, remembered for a short time.

Guards: a revocation counts within five seconds; unknown keys are not remembered, so that guessing
fills no memory. Not done here: registering and sealing (`client_keys`).
"""

from __future__ import annotations

from typing import Final, TypeVar

from paywarden.core.clock import Clock
from paywarden.core.errors import Corrupt
from paywarden.core.scope import Scope
from paywarden.core.secret import Secret
from paywarden.identity.client_keys import ClientKeyRecord, ClientKeyStore, KeySealer
from paywarden.kit.http.signing.keys import (
    Algorithm,
    HmacKey,
    VerifyingKey,
    load_private,
    load_public,
)
from paywarden.kit.http.signing.ports import AnswerKey, ClientKey

REMEMBERED: Final = 4_096
REMEMBER_US: Final = 5_000_000
K = TypeVar("K")
V = TypeVar("V")


class ClientKeyRegistry:
    """`ClientKeys` of the verifier: ready keys, remembered for a short time."""

    def __init__(self, store: ClientKeyStore, sealer: KeySealer, clock: Clock) -> None:
        self._store, self._sealer, self._clock = store, sealer, clock
        self._keys: dict[tuple[Scope, str], tuple[int, ClientKey]] = {}
        self._partners: dict[tuple[Scope, str, int], tuple[int, ClientKey]] = {}
        self._must_sign: dict[tuple[Scope, str], tuple[int, bool]] = {}

    def find(self, scope: Scope, key_id: str) -> ClientKey | None:
        """The key of this scope with this id, live or not."""
        name, now = (scope, key_id), self._clock.now_us()
        known = self._keys.get(name)
        if known is not None and now < known[0]:
            return known[1]
        record = self._store.find(scope, key_id)
        if record is None or record.algorithm is Algorithm.RSA2:
            return None
        return _remember(self._keys, name, now, self._ready(record))

    def find_partner(self, scope: Scope, client_id: str, key_version: int) -> ClientKey | None:
        """The RSA2 key of this scope for a partner's id and key version."""
        name, now = (scope, client_id, key_version), self._clock.now_us()
        known = self._partners.get(name)
        if known is not None and now < known[0]:
            return known[1]
        record = self._store.find_partner(scope, client_id, key_version)
        if record is None:
            return None
        return _remember(self._partners, name, now, self._ready(record))

    def must_sign(self, scope: Scope, api_key_id: str) -> bool:
        """Whether requests with this API key are refused without a signature."""
        name, now = (scope, api_key_id), self._clock.now_us()
        known = self._must_sign.get(name)
        if known is not None and now < known[0]:
            return known[1]
        return _remember(self._must_sign, name, now, self._store.must_sign(scope, api_key_id))

    def _ready(self, record: ClientKeyRecord) -> ClientKey:
        answers = self._sealer.answers
        key: VerifyingKey
        if record.algorithm is Algorithm.HMAC:
            shared = HmacKey(self._opened(record))
            key, answers = shared, AnswerKey(record.key_id, Algorithm.HMAC, shared)
        elif record.public is None:
            raise Corrupt("client_key_damaged", "a client key has no public key")
        else:
            key = load_public(record.algorithm, record.public)
        if record.algorithm is Algorithm.RSA2:
            ours = load_private(Algorithm.RSA2, self._opened(record).expose())
            answers = AnswerKey(record.key_id, Algorithm.RSA2, ours)
        return ClientKey(
            record.key_id, record.scope, record.algorithm, key, answers, record.owner.api_key_id,
            record.owner.merchant, record.expires_at_us, record.revoked_at_us, record.partner,
        )  # fmt: skip

    def _opened(self, record: ClientKeyRecord) -> Secret[bytes]:
        if record.sealed is None:
            raise Corrupt("client_key_damaged", "a client key has no secret")
        return self._sealer.open(record.scope, record.key_id, record.sealed)


def _remember(held: dict[K, tuple[int, V]], name: K, now_us: int, value: V) -> V:
    if len(held) >= REMEMBERED:
        held.clear()
    held[name] = (now_us + REMEMBER_US, value)
    return value
